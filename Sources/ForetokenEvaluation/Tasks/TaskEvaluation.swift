public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
public import ForetokenText
public import Foundation

/// Greedy answers of a model to questions: right is what equals the answer token by token.
public struct TaskEvaluation: Sendable {
    private struct Item {
        let question: TaskQuestion
        let prompt: [Int32]
        let answer: [Int32]
    }

    /// What a results file's lines must agree with to be of this run.
    private let model: String
    private let items: [Item]

    /// Checks that every question fits.
    ///
    /// `fingerprint` tells the model from others in a results file.
    /// - Throws: ``EvaluationError/invalid(_:)`` for a question longer than the model's context.
    public init(
        _ questions: [TaskQuestion], model: DecodeModel, fingerprint: String, tokenizer: any Tokenizer
    ) throws {
        let beginning = model.configuration.beginningOfText.map { [$0] } ?? []
        let context = model.configuration.context
        self.model = fingerprint
        items = try questions.enumerated().map { index, question in
            let item = Item(
                question: question, prompt: beginning + tokenizer.encode(question.prompt),
                answer: tokenizer.encode(question.answer))
            guard item.prompt.count + item.answer.count <= context else {
                throw EvaluationError.invalid(
                    "question \(index + 1) has \(item.prompt.count + item.answer.count) tokens and the model's context "
                        + "is \(context); train with a longer model.context, or test shorter questions")
            }
            return item
        }
    }

    /// Answers what `out` does not have yet, a line for each; without `out` nothing is kept.
    ///
    /// `progress` gets answers known and in all, and stops the run by false.
    ///
    /// - Returns: for each question whether it was answered right; nil if the run was stopped.
    /// - Throws: `ResultsFileError`, `DecodingError`; written lines stay.
    @ComputeActor
    public func run(on engine: BatchEngine, to out: URL?, progress: (Int, Int) -> Bool) async throws -> [Bool]? {
        var right: [Bool] = []
        let results = try out.map { out in
            try ResultsFile(resuming: out, inputs: []) { node, _ in
                guard right.count < items.count, node.has(beginning(of: right.count)) else { return false }
                right.append(try node["right"].bool())
                return true
            } unfinished: {
                right.count < items.count ? [.object(beginning(of: right.count))] : []
            }
        }
        var isStopped = false
        try await engine.runInOrder(right.count..<items.count, samples: 1) { index in
            var request = GenerationRequest(
                prompt: items[index].prompt, maximumTokens: items[index].answer.count,
                heads: engine.model.configuration.heads)
            request.isAdaptive = true
            return request
        } goesOn: { index in
            isStopped = !progress(index, items.count)
            return !isStopped
        } body: { index, _, statistics in
            let isRight = statistics.tokens == items[index].answer
            var line = beginning(of: index)
            line["tokens"] = .array(statistics.tokens.map { .integer(Int($0)) })
            line["right"] = .bool(isRight)
            try results?.append(.object(line))
            right.append(isRight)
        }
        if isStopped { return nil }
        _ = progress(right.count, items.count)
        return right
    }

    /// What a line has before the answer is known.
    private func beginning(of index: Int) -> JSONObject {
        var object = JSONObject()
        object["index"] = .integer(index)
        object["prompt"] = .string(items[index].question.prompt)
        object["answer"] = .string(items[index].question.answer)
        object["model"] = .string(model)
        return object
    }
}
