// The standard library implements normalisation for string comparison, but exposes it under this SPI only. Foundation's version
// would link all of ICU into programs that run a model.
@_spi(_Unicode) import Swift

/// Unicode normalization form C (NFC) over bytes; invalid UTF-8 is left unchanged.
enum CanonicalComposition {
    /// Characters that are starters, do not change, and do not compose with preceding characters (NFC_Quick_Check = Yes, class 0).
    /// Covers the common scripts, so that most text needs no normalisation; a test recomputes the property for each.
    static let stable: [ClosedRange<UInt32>] = [
        0x0...0x2FF, 0x391...0x3A1, 0x3A3...0x3CE, 0x400...0x482, 0x48A...0x52F, 0x5D0...0x5EA, 0x620...0x64A,
        0xE01...0xE30, 0x1E00...0x1EFF, 0x2002...0x2027, 0x202A...0x205E, 0x20A0...0x20C0,
        0x2190...0x22FF,
        0x2500...0x27BF, 0x3000...0x3029, 0x3041...0x3096, 0x309B...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
        0xAC00...0xD7A3, 0xFE00...0xFE0F, 0xFF01...0xFF60, 0xFFFD...0xFFFD, 0x1F300...0x1FAFF,
    ]

    static func isStable(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        if value < 0x300 { return true }
        // Finds the last range whose lower bound is not above the value.
        var (low, high) = (0, stable.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if stable[middle].lowerBound <= value { low = middle } else { high = middle }
        }
        return stable[low].contains(value) || isUnknown(scalar)
    }

    /// Characters newer than Unicode 9, the version of Hugging Face's normalizer (tokenizers 0.23), which leaves them unchanged and
    /// uncomposed; models were trained on such text. U+1715 got its combining class in Unicode 14.
    private static func isUnknown(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age else { return true }
        return age > (major: 9, minor: 0) || scalar.value == 0x1715
    }

    /// The normalised text; nil if it equals the input.
    ///
    /// Each run of characters that are not `stable` is normalised together with the preceding character.
    static func compose(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? { composeWithEdits(text)?.text }

    /// The normalised text and which ranges of the input became how many other bytes; nil if it equals the input.
    static func composeWithEdits(
        _ text: UnsafeBufferPointer<UInt8>
    ) -> (text: [UInt8], edits: [(range: Range<Int>, count: Int)])? {
        var edits: [(range: Range<Int>, count: Int)] = []
        var result: [UInt8] = []
        var (position, copied, previous) = (0, 0, 0)
        while position < text.count {
            // U+0300 starts with the byte 0xCC; characters with a smaller first byte are stable.
            if text[position] < 0xCC {
                if text[position] & 0xC0 != 0x80 { previous = position }
                position += 1
                continue
            }
            var step = CharacterStep(text, at: position)
            guard let scalar = step.scalar, !isStable(scalar) else {
                previous = position
                position += step.length
                continue
            }
            var end = position
            while let scalar = step.scalar, !isStable(scalar) {
                end += step.length
                guard end < text.count else { break }
                step = CharacterStep(text, at: end)
            }
            // The preceding bytes may be invalid UTF-8, which does not compose.
            var start = position
            if previous < position {
                let before = CharacterStep(text, at: previous)
                if let scalar = before.scalar, previous + before.length == position, !isUnknown(scalar) {
                    start = previous
                }
            }
            let run = text[start..<end]
            let composed = Array(composed(String(decoding: run, as: UTF8.self)).utf8)
            if !composed.elementsEqual(run) {
                edits.append((start..<end, composed.count))
                result += text[copied..<start]
                result += composed
                copied = end
            }
            (position, previous) = (end, end)
        }
        guard !edits.isEmpty else { return nil }
        return (result + text[copied...], edits)
    }

    /// Composes a run: Hangul by ``Hangul``, everything else by the standard library.
    private static func composed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard scalars.contains(where: Hangul.contains) else { return composedWithoutHangul(text) }
        var result = String.UnicodeScalarView()
        var rest = scalars[...]
        while !rest.isEmpty {
            let others = rest.prefix { !Hangul.contains($0) }
            result.append(contentsOf: composedWithoutHangul(String(others)).unicodeScalars)
            rest = rest[others.endIndex...]
            let hangul = rest.prefix(while: Hangul.contains)
            result.append(contentsOf: Hangul.composed(hangul))
            rest = rest[hangul.endIndex...]
        }
        return String(result)
    }

    private static func composedWithoutHangul(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: withDecomposedNonStarters(text)._nfc)
        return String(scalars)
    }

    /// Decomposes the three characters of class 0 whose decomposition starts with a combining mark (Unicode's
    /// Non_Starter_Decompositions; the fourth, U+0344, has class 230). The library does not reorder marks across characters of class
    /// 0, and would leave their marks out of canonical order.
    private static func withDecomposedNonStarters(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { nonStarters[$0.value] != nil }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let marks = nonStarters[scalar.value] { result.append(contentsOf: marks) } else { result.append(scalar) }
        }
        return String(result)
    }

    private static let nonStarters: [UInt32: [Unicode.Scalar]] = [
        0xF73: ["\u{F71}", "\u{F72}"], 0xF75: ["\u{F71}", "\u{F74}"], 0xF81: ["\u{F71}", "\u{F80}"],
    ]
}

/// The composition of Hangul syllables, which is arithmetic (The Unicode Standard, section 3.12): a leading consonant and a vowel
/// make a syllable, to which a trailing consonant is added. Nothing else composes with these characters, and all have class 0.
///
/// The standard library takes one character too many at each bound: U+1113 for a leading consonant, U+11A7 for a trailing one.
private enum Hangul {
    private static let leading: ClosedRange<UInt32> = 0x1100...0x1112
    private static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
    private static let trailing: ClosedRange<UInt32> = 0x11A8...0x11C2
    private static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    /// Syllables of one leading consonant and vowel: alone, and with each trailing consonant.
    private static let forms: UInt32 = 28

    static func contains(_ scalar: Unicode.Scalar) -> Bool {
        (0x1100...0x11FF).contains(scalar.value) || syllables.contains(scalar.value)
    }

    static func composed(_ scalars: Substring.UnicodeScalarView) -> [Unicode.Scalar] {
        var result: [UInt32] = []
        for scalar in scalars {
            let value = scalar.value
            guard let last = result.last else {
                result.append(value)
                continue
            }
            if leading.contains(last), vowels.contains(value) {
                let number = (last - leading.lowerBound) * UInt32(vowels.count) + value - vowels.lowerBound
                result[result.count - 1] = syllables.lowerBound + number * forms
            } else if syllables.contains(last), (last - syllables.lowerBound) % forms == 0, trailing.contains(value) {
                result[result.count - 1] = last + value - trailing.lowerBound + 1
            } else {
                result.append(value)
            }
        }
        return result.compactMap(Unicode.Scalar.init)
    }
}
