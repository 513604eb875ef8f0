import ForetokenFiles
import ForetokenModel
import ForetokenText
public import Foundation

/// A question with given answers: a text and its possible continuations, of which one is right.
public struct ChoiceQuestion: Sendable, Equatable {
    /// The text before the choices.
    public var context: String
    /// The possible continuations, at least two.
    public var choices: [String]
    /// The index of the right one.
    public var answer: Int

    /// Creates a question.
    public init(context: String, choices: [String], answer: Int) {
        (self.context, self.choices, self.answer) = (context, choices, answer)
    }

    /// Reads questions: a JSON object per line with `context`, `choices` and `answer`, an index counted from 0.
    ///
    /// - Throws: ``EvaluationError``, with file and line.
    public static func read(_ url: URL) throws -> [ChoiceQuestion] {
        var questions: [ChoiceQuestion] = []
        try JSONLines.read(url, numbers: .python) { node, _ in
            let choices = try node["choices"].array().map { choice in
                let text = try choice.string()
                guard !text.isEmpty else { throw choice.wrongType("a non-empty string") }
                return text
            }
            guard choices.count >= 2 else { throw try node["choices"].wrongType("at least two choices") }
            questions.append(
                ChoiceQuestion(
                    context: try node["context"].string(), choices: choices,
                    answer: try node["answer"].integer(in: 0...choices.count - 1)))
        }
        guard !questions.isEmpty else {
            throw EvaluationError.system(file: url.relativePath, reason: "no questions found")
        }
        return questions
    }
}

/// A question in tokens.
struct TokenizedChoices: Equatable {
    /// The tokens before every choice, at least one.
    var prefix: [Int32]
    /// The tokens of each choice.
    var choices: [[Int32]]

    /// Tokenises as `_encode_pair` of lm-evaluation-harness does: white space at the context's end goes to the choice; context and
    /// whole text are encoded apart, and the choice has the whole's tokens after as many as the context's.
    ///
    /// The model's beginning token comes first, if it has one; before an empty context of a model without one, its end token.
    init(
        _ question: ChoiceQuestion, delimiter: String, _ tokenizer: any Tokenizer, _ configuration: ModelConfiguration
    ) throws {
        let scalars = question.context.unicodeScalars
        let context = String(
            scalars[..<(scalars.lastIndex { !PythonText.isSpace($0) }.map(scalars.index(after:)) ?? scalars.startIndex)]
        )
        let space = String(scalars.suffix(scalars.count - context.unicodeScalars.count))
        let contextTokens = tokenizer.encode(context)
        prefix = (configuration.beginningOfText.map { [$0] } ?? []) + contextTokens
        if prefix.isEmpty, let end = configuration.endOfText { prefix = [end] }
        guard !prefix.isEmpty else {
            throw EvaluationError.invalid(
                "a context is empty and the model has no token that begins a text; give every question a context")
        }
        choices = try question.choices.map { choice in
            let tokens = Array(tokenizer.encode(context + space + delimiter + choice).dropFirst(contextTokens.count))
            guard !tokens.isEmpty else {
                throw EvaluationError.invalid(
                    "the choice '\(choice.prefix(40))' has no token of its own after its context; separate them by --delimiter"
                )
            }
            return tokens
        }
    }
}
