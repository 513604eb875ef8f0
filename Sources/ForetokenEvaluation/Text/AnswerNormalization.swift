/// How short answers are made comparable before an exact match: lower case, no punctuation, no articles, single spaces.
public enum AnswerNormalization: String, Sendable, CaseIterable {
    /// `normalize_answer` of SQuAD's evaluation, used for Natural Questions too: ASCII punctuation is removed.
    case naturalQuestions = "natural-questions"
    /// `normalize_answer` of TriviaQA's evaluation: ASCII punctuation and ‘ ’ ´ become spaces.
    case triviaQA = "trivia-qa"

    /// The normalised text.
    public func normalized(_ text: String) -> String {
        var scalars = PythonText.lowercased(text)
        switch self {
        case .naturalQuestions: scalars.removeAll(where: Self.isPunctuation)
        case .triviaQA:
            scalars = scalars.map { Self.isPunctuation($0) || "‘’´".unicodeScalars.contains($0) ? " " : $0 }
        }
        let words = Self.removingArticles(scalars).split(whereSeparator: PythonText.isSpace)
        var result = String.UnicodeScalarView()
        for (index, word) in words.enumerated() {
            if index > 0 { result.append(" ") }
            result.append(contentsOf: word)
        }
        return String(result)
    }

    /// Whether a text equals one of several answers when normalised; compared by code points, as Python does.
    public func matches(_ text: String, anyOf answers: [String]) -> Bool {
        let own = normalized(text)
        return answers.contains { normalized($0).unicodeScalars.elementsEqual(own.unicodeScalars) }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "!"..."/", ":"..."@", "["..."`", "{"..."~": true
        default: false
        }
    }

    /// Each `a`, `an` and `the` that is a whole word becomes a space.
    private static func removingArticles(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let articles = ["a", "an", "the"].map { Array($0.unicodeScalars) }
        var result: [Unicode.Scalar] = []
        var rest = text[...]
        while let first = rest.first {
            let word = rest.prefix(while: PythonText.isWordCharacter)
            if word.isEmpty {
                result.append(first)
                rest.removeFirst()
            } else {
                result += articles.contains(Array(word)) ? [" "] : word
                rest.removeFirst(word.count)
            }
        }
        return result
    }
}

/// What Python's `str` and `re` do with code points.
enum PythonText {
    /// `str.lower()`.
    static func lowercased(_ text: String) -> [Unicode.Scalar] {
        let scalars = Array(text.unicodeScalars)
        return scalars.indices.flatMap { index in
            let scalar = scalars[index]
            if scalar == "Σ" { return [isFinalSigma(scalars, index) ? "ς" : "σ"] as [Unicode.Scalar] }
            return Array(scalar.properties.lowercaseMapping.unicodeScalars)
        }
    }

    /// Unicode's Final_Sigma: a cased letter before and none after, where case-ignorable characters do not count.
    private static func isFinalSigma(_ text: [Unicode.Scalar], _ index: Int) -> Bool {
        func isCased(_ scalar: Unicode.Scalar?) -> Bool { scalar?.properties.isCased == true }
        return isCased(text[..<index].last { !$0.properties.isCaseIgnorable })
            && !isCased(text[(index + 1)...].first { !$0.properties.isCaseIgnorable })
    }

    /// `str.isspace()`.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    /// `\w` of `re`: letters, numbers and the underscore.
    static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            true
        default: scalar == "_"
        }
    }
}
