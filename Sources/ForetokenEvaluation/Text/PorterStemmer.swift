/// The Porter stemmer with NLTK's extensions, its default mode, over words of the letters a to z and digits in ASCII.
///
/// M. F. Porter, "An algorithm for suffix stripping", Program 14.3 (1980); the extensions are those of NLTK's
/// `PorterStemmer.NLTK_EXTENSIONS`, which `rouge-score` uses.
enum PorterStemmer {
    /// The stem of a lower-case word.
    static func stem(_ word: [UInt8]) -> [UInt8] {
        if let irregular = irregularForms[word] { return irregular }
        guard word.count > 2 else { return word }
        var word = step1a(word)
        word = step1b(word)
        word = step1c(word)
        word = step2(word)
        word = applyFirst(step3Rules, to: word)
        word = step4(word)
        word = step5a(word)
        return step5b(word)
    }

    private static let irregularForms: [[UInt8]: [UInt8]] = {
        let forms = [
            "sky": "sky skies", "die": "dying", "lie": "lying", "tie": "tying", "news": "news",
            "inning": "innings inning", "outing": "outings outing", "canning": "cannings canning", "howe": "howe",
            "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
        ]
        var result: [[UInt8]: [UInt8]] = [:]
        for (stem, words) in forms {
            for word in words.split(separator: " ") { result[Array(word.utf8)] = Array(stem.utf8) }
        }
        return result
    }()

    // MARK: Conditions

    /// For each letter whether it is a consonant; y is one unless it follows a consonant.
    private static func consonants(_ word: some Collection<UInt8>) -> [Bool] {
        var flags: [Bool] = []
        flags.reserveCapacity(word.count)
        for letter in word {
            switch letter {
            case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"):
                flags.append(false)
            case UInt8(ascii: "y"): flags.append(!(flags.last ?? false))
            default: flags.append(true)
            }
        }
        return flags
    }

    /// Porter's m: how often a consonant follows a vowel.
    private static func measure(_ stem: some Collection<UInt8>) -> Int {
        let flags = consonants(stem)
        return zip(flags, flags.dropFirst()).count { !$0 && $1 }
    }

    private static func endsWithDoubleConsonant(_ word: [UInt8]) -> Bool {
        word.count >= 2 && word[word.count - 1] == word[word.count - 2] && consonants(word).last == true
    }

    /// Porter's *o, and NLTK's words of a vowel and a consonant.
    private static func endsWithShortSyllable(_ word: [UInt8]) -> Bool {
        let flags = consonants(word)
        if flags == [false, true] { return true }
        return word.count >= 3 && flags.suffix(3).elementsEqual([true, false, true])
            && ![UInt8(ascii: "w"), UInt8(ascii: "x"), UInt8(ascii: "y")].contains(word[word.count - 1])
    }

    // MARK: Rules

    /// A suffix, what takes its place, and the least measure of the stem before it.
    private struct Rule {
        let suffix: [UInt8]
        let replacement: [UInt8]
        let measure: Int

        init(_ suffix: String, _ replacement: String, measure: Int) {
            (self.suffix, self.replacement, self.measure) = (Array(suffix.utf8), Array(replacement.utf8), measure)
        }
    }

    private static func rules(_ text: String, measure: Int) -> [Rule] {
        text.split(separator: " ").map { pair in
            let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
            return Rule(String(parts[0]), String(parts[1]), measure: measure)
        }
    }

    private static let step2Rules = rules(
        "ational:ate tional:tion enci:ence anci:ance izer:ize bli:ble alli:al entli:ent eli:e ousli:ous ization:ize "
            + "ation:ate ator:ate alism:al iveness:ive fulness:ful ousness:ous aliti:al iviti:ive biliti:ble fulli:ful",
        measure: 1)

    private static let step3Rules = rules(
        "icate:ic ative: alize:al iciti:ic ical:ic ful: ness:", measure: 1)

    private static let step4Rules = rules(
        "al: ance: ence: er: ic: able: ible: ant: ement: ment: ent: ou: ism: ate: iti: ous: ive: ize:",
        measure: 2)

    /// Replaces the first suffix that the word ends with, if its stem is long enough; later rules are not tried.
    private static func applyFirst(_ rules: [Rule], to word: [UInt8]) -> [UInt8] {
        guard let rule = rules.first(where: { word.suffix($0.suffix.count).elementsEqual($0.suffix) }) else {
            return word
        }
        let stem = word.dropLast(rule.suffix.count)
        return measure(stem) >= rule.measure ? stem + rule.replacement : word
    }

    // MARK: Steps

    private static func step1a(_ word: [UInt8]) -> [UInt8] {
        if word.ends(with: "ies") { return word.dropLast(word.count == 4 ? 1 : 2) }
        if word.ends(with: "sses") { return word.dropLast(2) }
        if word.ends(with: "ss") { return word }
        return word.ends(with: "s") ? word.dropLast(1) : word
    }

    private static func step1b(_ word: [UInt8]) -> [UInt8] {
        if word.ends(with: "ied") { return word.dropLast(word.count == 4 ? 1 : 2) }
        if word.ends(with: "eed") { return measure(word.dropLast(3)) > 0 ? word.dropLast(1) : word }
        func removing(_ suffix: String) -> [UInt8]? {
            guard word.ends(with: suffix) else { return nil }
            let stem = [UInt8](word.dropLast(suffix.utf8.count))
            return consonants(stem).contains(false) ? stem : nil
        }
        guard let stem = removing("ed") ?? removing("ing") else { return word }
        if ["at", "bl", "iz"].contains(where: { stem.ends(with: $0) }) { return stem + Array("e".utf8) }
        if endsWithDoubleConsonant(stem) {
            return ["l", "s", "z"].contains { stem.ends(with: $0) } ? stem : stem.dropLast(1)
        }
        return measure(stem) == 1 && endsWithShortSyllable(stem) ? stem + Array("e".utf8) : stem
    }

    /// NLTK's condition: y becomes i after a consonant that is not the only letter before it.
    private static func step1c(_ word: [UInt8]) -> [UInt8] {
        guard word.ends(with: "y"), word.count > 2, consonants(word.dropLast()).last == true else { return word }
        return word.dropLast() + Array("i".utf8)
    }

    private static func step2(_ word: [UInt8]) -> [UInt8] {
        if word.ends(with: "alli"), measure(word.dropLast(4)) > 0 { return step2(word.dropLast(2)) }
        // NLTK counts the l of -logi to the stem, so that short ones count. No other rule's suffix ends so.
        if word.ends(with: "logi") { return measure(word.dropLast(3)) > 0 ? word.dropLast(1) : word }
        return applyFirst(step2Rules, to: word)
    }

    private static func step4(_ word: [UInt8]) -> [UInt8] {
        guard word.ends(with: "ion") else { return applyFirst(step4Rules, to: word) }
        let stem = [UInt8](word.dropLast(3))
        return (stem.ends(with: "s") || stem.ends(with: "t")) && measure(stem) > 1 ? stem : word
    }

    private static func step5a(_ word: [UInt8]) -> [UInt8] {
        guard word.ends(with: "e") else { return word }
        let stem = [UInt8](word.dropLast())
        let measure = measure(stem)
        return measure > 1 || measure == 1 && !endsWithShortSyllable(stem) ? stem : word
    }

    private static func step5b(_ word: [UInt8]) -> [UInt8] {
        word.ends(with: "ll") && measure(word.dropLast()) > 1 ? word.dropLast() : word
    }
}

extension [UInt8] {
    fileprivate func ends(with suffix: String) -> Bool { self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
}
