public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
public import ForetokenText
public import Foundation

/// Greedy answers of a model to questions. An answer is correct if all its tokens equal the expected ones.
public struct TaskEvaluation: Sendable {
    private struct Item {
        let question: TaskQuestion
        let prompt: [Int32]
        let answer: [Int32]
    }

    /// The model's digest, written to every line of a results file (`model`).
    private let modelDigest: String
    private let items: [Item]

    /// The questions in their order.
    public var questions: [TaskQuestion] { items.map(\.question) }

    /// Checks that every question fits.
    ///
    /// `modelDigest`: the digest of the model, to detect a results file of another model.
    /// - Throws: ``EvaluationError/invalid(_:)`` for a question longer than the model's context.
    public init(
        _ questions: [TaskQuestion], model: DecodeModel, modelDigest: String, tokenizer: any Tokenizer
    ) throws {
        let beginning = model.configuration.beginningOfText.map { [$0] } ?? []
        let context = model.configuration.contextLength
        self.modelDigest = modelDigest
        items = try questions.enumerated().map { index, question in
            let item = Item(
                question: question, prompt: beginning + tokenizer.encode(question.prompt),
                answer: tokenizer.encode(question.answer))
            guard item.prompt.count + item.answer.count <= context else {
                throw EvaluationError.invalid(
                    "question \(index + 1) has \(item.prompt.count + item.answer.count) tokens, more than the model's context "
                        + "of \(context); train with a longer model.contextLength, or use shorter questions")
            }
            return item
        }
    }

    /// Answers the questions that `out` does not contain yet and appends a line for each; nil: writes no file.
    ///
    /// `progress` receives the number of answered questions and their total; returning false stops the run.
    ///
    /// - Returns: for each question whether it was answered correctly; nil if the run was stopped.
    /// - Throws: `ResultsFileError`, `DecodingError`; lines already written are kept.
    @ComputeActor
    public func run(on engine: BatchEngine, to out: URL?, progress: (Int, Int) -> Bool) async throws -> [Bool]? {
        var correct: [Bool] = []
        let results = try out.map { out in
            try ResultsFile(resuming: out, inputs: []) { node, _ in
                guard correct.count < items.count, node.has(header(of: correct.count)) else { return false }
                correct.append(try node["right"].bool())
                return true
            } unfinished: {
                correct.count < items.count ? [.object(header(of: correct.count))] : []
            }
        }
        var isStopped = false
        try await engine.runInOrder(correct.count..<items.count, completions: 1) { index in
            var request = GenerationRequest(
                prompt: items[index].prompt, maximumTokens: items[index].answer.count,
                heads: engine.model.configuration.heads)
            request.isAdaptive = true
            return request
        } shouldContinue: { index in
            isStopped = !progress(index, items.count)
            return !isStopped
        } body: { index, _, statistics in
            let isCorrect = statistics.tokens == items[index].answer
            var line = header(of: index)
            line["tokens"] = .array(statistics.tokens.map { .integer(Int($0)) })
            line["right"] = .bool(isCorrect)
            try results?.append(.object(line))
            correct.append(isCorrect)
        }
        if isStopped { return nil }
        _ = progress(correct.count, items.count)
        return correct
    }

    /// The keys of a line that are known before the answer.
    private func header(of index: Int) -> JSONObject {
        var object = JSONObject()
        object["index"] = .integer(index)
        object["prompt"] = .string(items[index].question.prompt)
        object["answer"] = .string(items[index].question.answer)
        object["model"] = .string(modelDigest)
        return object
    }
}
