public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
public import ForetokenText
public import Foundation

/// Log-likelihoods of the choices of questions under a model's head 1.
public struct ChoiceEvaluation: Sendable {
    private let questions: [ChoiceQuestion]
    private let tokenized: [TokenizedChoices]
    private let model: DecodeModel
    private let settings: String

    /// Tokenises the questions and checks their lengths.
    ///
    /// - Parameters:
    ///   - questions: the questions.
    ///   - model: the model.
    ///   - modelDigest: the digest of the model, to detect a results file of another model.
    ///   - tokenizer: the model's tokenizer.
    ///   - delimiter: the text between context and choice.
    /// - Throws: ``EvaluationError/invalid(_:)`` for a choice longer than the model's context or without tokens.
    public init(
        _ questions: [ChoiceQuestion], model: DecodeModel, modelDigest: String, tokenizer: any Tokenizer,
        delimiter: String = ""
    ) throws {
        (self.questions, self.model) = (questions, model)
        settings = "\(modelDigest) \(delimiter)"
        let context = model.configuration.contextLength
        tokenized = try questions.enumerated().map { index, question in
            let tokens = try TokenizedChoices(
                question, delimiter: delimiter, tokenizer, model.configuration)
            if let long = tokens.choices.first(where: { $0.count > context }) {
                throw EvaluationError.invalid(
                    "a choice of question \(index + 1) has \(long.count) tokens, more than the model's context of \(context); "
                        + "use a model with a longer context, or shorter choices")
            }
            return tokens
        }
    }

    /// Scores the questions that `out` does not contain yet and appends a line for each: `index`, `answer`, `run` (a digest of
    /// model and question) and `logLikelihoods` of the choices in nats; nil: writes no file.
    ///
    /// `progress` receives the number of scored questions and their total; returning false stops the run.
    ///
    /// - Returns: for each question the log-likelihoods of its choices; nil if the run was stopped.
    /// - Throws: `ResultsFileError`, `DecodingError`; lines already written are kept.
    @ComputeActor
    public func run(to out: URL?, progress: (Int, Int) -> Bool) throws -> [[Double]]? {
        var found: [[Double]] = []
        let results = try out.map { out in
            try ResultsFile(resuming: out, inputs: []) { node, _ in
                guard found.count < questions.count, node.has(header(of: found.count)) else { return false }
                let values = try node["logLikelihoods"].array().map { try $0.double() }
                guard values.count == questions[found.count].choices.count else { return false }
                found.append(values)
                return true
            } unfinished: {
                found.count < questions.count ? [.object(header(of: found.count))] : []
            }
        }
        let scorer = ContinuationScorer(model)
        while found.count < questions.count {
            guard progress(found.count, questions.count) else { return nil }
            let tokens = tokenized[found.count]
            let values = try scorer.logLikelihoods(of: tokens.choices, after: tokens.prefix)
            var line = header(of: found.count)
            line["logLikelihoods"] = .array(values.map(JSONValue.number))
            try results?.append(.object(line))
            found.append(values)
        }
        _ = progress(found.count, questions.count)
        return found
    }

    /// The keys of a line that are known before the scores.
    private func header(of index: Int) -> JSONObject {
        let question = questions[index]
        let parts = [settings, question.context] + question.choices
        let text = parts.map { "\($0.utf8.count) \($0)" }.joined(separator: "\n")
        var object = JSONObject()
        object["index"] = .integer(index)
        object["answer"] = .integer(question.answer)
        object["run"] = .string(String(SHA256.hex(of: Array(text.utf8)).prefix(16)))
        return object
    }
}
