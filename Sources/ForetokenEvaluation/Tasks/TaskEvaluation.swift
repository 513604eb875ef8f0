public import ForetokenDecoding
import ForetokenModel
public import ForetokenText
public import Foundation
import Torch

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
    /// - Throws: ``EvaluationError``, `DecodingError`, `TorchError.outOfMemory`; written lines stay.
    @TorchActor
    public func run(on engine: BatchEngine, to out: URL?, progress: (Int, Int) -> Bool) async throws -> [Bool]? {
        var right = try out.map(resume) ?? []
        let handle = try out.map { try FileHandle.appending(to: $0) }
        defer { try? handle?.close() }
        var ahead: [GenerationStream] = []
        var next = right.count
        while right.count < items.count {
            guard progress(right.count, items.count) else { return nil }
            // Enough questions ahead to keep the engine full; their answers wait for those before them.
            while next < items.count, ahead.count < 2 * engine.limits.sequences {
                let item = items[next]
                var request = GenerationRequest(
                    prompt: item.prompt, maximumTokens: item.answer.count, heads: engine.model.configuration.heads)
                request.isAdaptive = true
                ahead.append(try engine.submit(request))
                next += 1
            }
            let stream = ahead.removeFirst()
            for try await _ in stream {}
            let found = await stream.statistics.tokens
            let isRight = found == items[right.count].answer
            if let handle, let out { try write(line(right.count, found, isRight), handle, out) }
            right.append(isRight)
        }
        _ = progress(right.count, items.count)
        return right
    }

    private func line(_ index: Int, _ found: [Int32], _ isRight: Bool) -> JSONValue {
        [
            "index": .integer(index), "prompt": .string(items[index].question.prompt),
            "answer": .string(items[index].question.answer), "tokens": .array(found.map { .integer(Int($0)) }),
            "right": .bool(isRight), "model": .string(model),
        ]
    }

    private func write(_ line: JSONValue, _ handle: FileHandle, _ out: URL) throws {
        do {
            try handle.write(contentsOf: Data((try line.text() + "\n").utf8))
        } catch {
            throw EvaluationError.system(file: out.relativePath, reason: error.systemReason)
        }
    }

    /// What an earlier run answered; a line that it did not finish is cut off.
    private func resume(_ out: URL) throws -> [Bool] {
        try GradingRun.requireWritable(out)
        var right: [Bool] = []
        let bytes = try JSONLines.read(out, allowsPartialEnd: true) { node, line in
            guard right.count < items.count, try node["index"].integer() == right.count,
                try node["prompt"].string() == items[right.count].question.prompt,
                try node["answer"].string() == items[right.count].question.answer,
                try node["model"].string() == model
            else { throw EvaluationError.foreignOutput(file: out.relativePath, line: line) }
            right.append(try node["right"].bool())
        }
        guard truncate(out.path, off_t(bytes)) == 0 else {
            throw EvaluationError.system(file: out.relativePath, reason: String(cString: strerror(errno)))
        }
        return right
    }
}
