/// A set of characters as a pattern writes it.
indirect enum CharacterRule: Hashable, Sendable {
    case range(ClosedRange<UInt32>)
    /// General categories, by their bits in ``GeneralCategories``.
    case categories(UInt32)
    /// `\s`
    case space
    /// `\w`
    case word
    case union([CharacterRule])
    case intersection(CharacterRule, CharacterRule)
    case not(CharacterRule)

    static func character(_ value: UInt32) -> CharacterRule { .range(value...value) }

    /// Rust's `char::is_numeric`, of Unicode 17, by which Hugging Face's library finds digits.
    static let numeric = CharacterRule.union([
        .categories(GeneralCategories.mask(of: "N") ?? 0), .range(0x11DE0...0x11DE9), .range(0x16FF4...0x16FF6),
    ])

    /// What Hugging Face's library takes for punctuation: ASCII's with its symbols, and that of Unicode 8.
    case punctuation

    /// Whether a character is in the set.
    func contains(_ value: UInt32) -> Bool {
        switch self {
        case .range(let range): range.contains(value)
        case .categories(let mask): mask & GeneralCategories.bit(of: value) != 0
        case .space: GeneralCategories.isSpace(value)
        case .word: GeneralCategories.isWord(value)
        case .punctuation: GeneralCategories.isPunctuation(value)
        case .union(let rules): rules.contains { $0.contains(value) }
        case .intersection(let left, let right): left.contains(value) && right.contains(value)
        case .not(let rule): !rule.contains(value)
        }
    }
}

/// The general categories of characters, by the Unicode version of Hugging Face's library.
enum GeneralCategories {
    private static let names: [(name: String, category: Unicode.GeneralCategory)] = [
        ("Lu", .uppercaseLetter), ("Ll", .lowercaseLetter), ("Lt", .titlecaseLetter), ("Lm", .modifierLetter),
        ("Lo", .otherLetter), ("Mn", .nonspacingMark), ("Mc", .spacingMark), ("Me", .enclosingMark),
        ("Nd", .decimalNumber), ("Nl", .letterNumber), ("No", .otherNumber), ("Pc", .connectorPunctuation),
        ("Pd", .dashPunctuation), ("Ps", .openPunctuation), ("Pe", .closePunctuation), ("Pi", .initialPunctuation),
        ("Pf", .finalPunctuation), ("Po", .otherPunctuation), ("Sm", .mathSymbol), ("Sc", .currencySymbol),
        ("Sk", .modifierSymbol), ("So", .otherSymbol), ("Zs", .spaceSeparator), ("Zl", .lineSeparator),
        ("Zp", .paragraphSeparator), ("Cc", .control), ("Cf", .format), ("Cs", .surrogate), ("Co", .privateUse),
        ("Cn", .unassigned),
    ]
    private static let bits = Dictionary(
        uniqueKeysWithValues: names.enumerated().map { ($1.category, UInt32(1) << UInt32($0)) })

    /// The categories with a name of one or two letters: `L`, `Lu`.
    static func mask(of name: String) -> UInt32? {
        let mask = names.reduce(0) { $1.name == name || $1.name.prefix(1) == name ? $0 | (bits[$1.category] ?? 0) : $0 }
        return mask == 0 ? nil : mask
    }

    /// Looking up Unicode properties is slow.
    private static let basicPlane: [UInt32] = (0...0xFFFF).map { computedBit(of: $0) }

    /// The category of a character as a bit.
    static func bit(of value: UInt32) -> UInt32 {
        value < 0x10000 ? basicPlane[Int(value)] : computedBit(of: value)
    }

    private static func computedBit(of value: UInt32) -> UInt32 {
        guard let scalar = Unicode.Scalar(value) else { return bits[.surrogate] ?? 0 }
        let properties = scalar.properties
        // Categories of code points that are never assigned, or for private use, have no age.
        let isNew = properties.age.map { $0 > CharacterClass.unicodeVersion } ?? false
        if value == 0x295 { return bits[.lowercaseLetter] ?? 0 }  // `Lo` since Unicode 17.
        return bits[isNew ? .unassigned : properties.generalCategory] ?? 0
    }

    static func isSpace(_ value: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(value) else { return false }
        return scalar.properties.isWhitespace
    }

    static func isPunctuation(_ value: UInt32) -> Bool {
        if value < 0x80 { return bit(of: value) & symbolMask != 0 }
        // Symbols since.
        if value == 0x166D || value == 0x111C9 { return true }
        guard bit(of: value) & punctuationMask != 0, let age = Unicode.Scalar(value)?.properties.age else {
            return false
        }
        return age <= (8, 0)
    }

    private static let symbolMask = (mask(of: "P") ?? 0) | (mask(of: "S") ?? 0)
    private static let punctuationMask = mask(of: "P") ?? 0
    private static let wordMask = ["L", "M", "Nd", "Nl", "Pc"].reduce(0) { $0 | (mask(of: $1) ?? 0) }

    static func isWord(_ value: UInt32) -> Bool {
        // To Oniguruma, Latin-1's superscripts and fractions are parts of words.
        if bit(of: value) & wordMask != 0 || [0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE].contains(value) { return true }
        guard let scalar = Unicode.Scalar(value), bit(of: value) & (mask(of: "Cn") ?? 0) == 0 else { return false }
        return scalar.properties.isAlphabetic
    }
}
