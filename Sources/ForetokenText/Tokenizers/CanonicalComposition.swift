// The standard library normalizes, as comparing strings demands, and shows it under this name only. Foundation's forms would bring
// all of ICU into a program that runs a model.
@_spi(_Unicode) import Swift

/// Unicode's normalization form C over bytes; what is not UTF-8 stays as it is.
enum CanonicalComposition {
    /// Characters that are starters and never change nor join what is before them (NFC_Quick_Check = Yes, class 0): the
    /// common scripts, so that most text is only looked at. The test recomputes the property for each. U+11A7 is here because
    /// the library loses it behind a syllable, taking it for the empty final consonant that the arithmetic counts from there.
    static let stable: [ClosedRange<UInt32>] = [
        0x0...0x2FF, 0x391...0x3A1, 0x3A3...0x3CE, 0x400...0x482, 0x48A...0x52F, 0x5D0...0x5EA, 0x620...0x64A,
        0xE01...0xE30, 0x11A7...0x11A7, 0x1E00...0x1EFF, 0x2002...0x2027, 0x202A...0x205E, 0x20A0...0x20C0,
        0x2190...0x22FF,
        0x2500...0x27BF, 0x3000...0x3029, 0x3041...0x3096, 0x309B...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
        0xAC00...0xD7A3, 0xFE00...0xFE0F, 0xFF01...0xFF60, 0xFFFD...0xFFFD, 0x1F300...0x1FAFF,
    ]

    static func isStable(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        if value < 0x300 { return true }
        // The last range that does not begin after the value.
        var (low, high) = (0, stable.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if stable[middle].lowerBound <= value { low = middle } else { high = middle }
        }
        return stable[low].contains(value) || isUnknown(scalar)
    }

    /// Characters later than what Hugging Face's normalizer knows (tokenizers 0.23: Unicode 9) stand as they are in what a
    /// model was trained on, and join nothing. U+1715 got its combining class in Unicode 14.
    private static func isUnknown(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age else { return true }
        return age > (major: 9, minor: 0) || scalar.value == 0x1715
    }

    /// The composed text, or nil where it is the text itself.
    ///
    /// Every run of other characters is composed together with the one before it; nothing reaches further.
    static func compose(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var changed = false
        var (position, copied, previous) = (0, 0, 0)
        while position < text.count {
            // U+0300's first byte is 0xCC: nothing below can change.
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
            // What precedes may be bytes that are not UTF-8: they join nothing.
            var start = position
            if previous < position {
                let before = CharacterStep(text, at: previous)
                if let scalar = before.scalar, previous + before.length == position, !isUnknown(scalar) {
                    start = previous
                }
            }
            let run = text[start..<end]
            var scalars = String.UnicodeScalarView()
            scalars.append(contentsOf: apart(String(decoding: run, as: UTF8.self))._nfc)
            let composed = Array(String(scalars).utf8)
            if !composed.elementsEqual(run) {
                changed = true
                result += text[copied..<start]
                result += composed
                copied = end
            }
            (position, previous) = (end, end)
        }
        guard changed else { return nil }
        return result + text[copied...]
    }

    /// The text with the three characters in two that begin, decomposed, with a combining mark though they are of class 0
    /// themselves (Unicode's Non_Starter_Decompositions; the fourth, U+0344, is of class 230). The library takes class 0 for
    /// a place where nothing moves across, and would leave their marks out of order with those before.
    private static func apart(_ text: String) -> String {
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
