/// The character classes in the pre-tokenizers' patterns.
enum CharacterClass: UInt8 {
    /// `\p{L}`
    case letter
    /// `\p{N}`
    case number
    /// U+0020, which the patterns name explicitly.
    case blank
    /// `[\r\n]`
    case lineBreak
    /// The other characters of `\s`.
    case space
    /// `[^\s\p{L}\p{N}]`, and invalid UTF-8.
    case other

    /// `\s`
    var isSpace: Bool { self == .blank || self == .lineBreak || self == .space }

    /// The Unicode version of Hugging Face's tokenizers 0.23, in which characters assigned later are `other`.
    static let unicodeVersion = (major: 16, minor: 0)

    /// The class of a character.
    init(_ scalar: Unicode.Scalar) {
        let properties = scalar.properties
        switch scalar {
        case " ": self = .blank
        case "\r", "\n": self = .lineBreak
        default:
            guard let age = properties.age, age <= Self.unicodeVersion else {
                self = .other
                return
            }
            switch properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
            case .decimalNumber, .letterNumber, .otherNumber: self = .number
            default: self = properties.isWhitespace ? .space : .other
            }
        }
    }

    /// The classes of the Basic Multilingual Plane, precomputed because looking up Unicode properties is slow.
    static let basicPlane: [CharacterClass] = (0...0xFFFF).map { Unicode.Scalar($0 as UInt32).map(Self.init) ?? .other }
}

/// One step of decoding possibly invalid UTF-8.
struct CharacterStep {
    /// The character; nil for invalid UTF-8.
    let scalar: Unicode.Scalar?
    /// The number of bytes; for invalid UTF-8, those that one U+FFFD replaces (Unicode's maximal subpart).
    let length: Int

    /// Decodes the character at an offset.
    @inline(__always)
    init(_ text: UnsafeBufferPointer<UInt8>, at start: Int) {
        let lead = text[start]
        if lead < 0x80 {
            (scalar, length) = (Unicode.Scalar(lead), 1)
            return
        }
        let count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard (0xC2...0xF4).contains(lead) else {
            (scalar, length) = (nil, 1)
            return
        }
        // The second byte suffices to detect overlong forms, surrogates and values above U+10FFFF.
        let (low, high): (UInt8, UInt8) =
            switch lead {
            case 0xE0: (0xA0, 0xBF)
            case 0xED: (0x80, 0x9F)
            case 0xF0: (0x90, 0xBF)
            case 0xF4: (0x80, 0x8F)
            default: (0x80, 0xBF)
            }
        var value = UInt32(lead) & (0xFF >> UInt32(count + 1))
        for offset in 1..<count {
            let index = start + offset
            guard index < text.count,
                offset == 1 ? low <= text[index] && text[index] <= high : text[index] & 0xC0 == 0x80
            else {
                (scalar, length) = (nil, offset)
                return
            }
            value = value << 6 | UInt32(text[index] & 0x3F)
        }
        (scalar, length) = (Unicode.Scalar(value), count)
    }
}
