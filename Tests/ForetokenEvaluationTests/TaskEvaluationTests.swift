import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenEvaluation

@ComputeActor
struct TaskEvaluationTests {
    private func model(context: Int = 64) throws -> DecodeModel {
        try DecodeModel(
            reading: MultiTokenModel(
                ModelConfiguration(
                    vocabulary: 258, width: 32, layers: 4, attentionHeads: 4, keyValueHeads: 2, headDimension: 8,
                    feedForwardWidth: 48, heads: 2, headKind: .parallel, contextLength: context, beginningOfText: 256),
                seed: 3))
    }

    /// Questions of which every other one has the model's own answer; the others have an answer that differs in the last token.
    private func questions(_ model: DecodeModel) throws -> [TaskQuestion] {
        try (0..<40).map { index in
            let prompt = "\(index * index)="
            let session = try DecodingSession(
                model, GenerationRequest(prompt: [256] + ByteTokenizer().encode(prompt), maximumTokens: 3, heads: 1),
                tokenizer: ByteTokenizer())
            while try session.step() != nil {}
            var answer = session.statistics.tokens
            if index % 2 == 1 { answer[2] = answer[2] == 65 ? 66 : 65 }
            // Masked to ASCII, since other tokens are not whole characters.
            return TaskQuestion(
                prompt: prompt, answer: String(decoding: answer.map { UInt8($0 & 127) }, as: UTF8.self), unit: index / 4
            )
        }
    }

    @Test func answersAreCountedResumedAndAnotherModelsFileIsRefused() async throws {
        let folder = try Folder()
        let model = try model()
        let questions = try questions(model)
        func run(_ out: URL?, _ digest: String = "a", stopAfter: Int = .max) async throws -> [Bool]? {
            try await TaskEvaluation(questions, model: model, modelDigest: digest, tokenizer: ByteTokenizer())
                .run(on: BatchEngine(model, tokenizer: ByteTokenizer()), to: out) { done, _ in done < stopAfter }
        }
        let whole = try await run(nil)
        #expect(whole?.count == 40)
        // One by one, as in `questions`.
        let expected = try questions.map { question in
            let answer = ByteTokenizer().encode(question.answer)
            let session = try DecodingSession(
                model,
                GenerationRequest(
                    prompt: [256] + ByteTokenizer().encode(question.prompt), maximumTokens: answer.count, heads: 1),
                tokenizer: ByteTokenizer())
            while try session.step() != nil {}
            return session.statistics.tokens == answer
        }
        #expect(whole == expected)

        let out = folder.url.appendingPathComponent("a.jsonl")
        #expect(try await run(out, stopAfter: 7) == nil)
        #expect(try Data(contentsOf: out).count { $0 == 0x0A } == 7)
        let handle = try FileHandle(forWritingTo: out)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"index\":7,\"pro".utf8))
        try handle.close()
        #expect(try await run(out) == whole)
        #expect(try await run(out) == whole)
        await #expect(throws: ResultsFileError.self) { try await run(out, "b") }
    }

    @Test func aQuestionBeyondTheContextIsSaidBeforeTheFirstToken() throws {
        let model = try model(context: 16)
        let long = TaskQuestion(prompt: "12345678901234", answer: "12", unit: 0)
        let error = #expect(throws: EvaluationError.self) {
            try TaskEvaluation([long], model: model, modelDigest: "", tokenizer: ByteTokenizer())
        }
        #expect(error?.description.contains("question 1 has 17 tokens") == true)
    }
}

struct TaskSummaryTests {
    @Test func accuracyIsCountedByOperationsAndDomainAndIntervalsResampleUnits() throws {
        var questions = (0..<100).map {
            TaskQuestion(prompt: "\($0)", answer: "x", unit: $0, operations: 1 + $0 / 25, isInDomain: $0 < 50)
        }
        let right = (0..<100).map { $0 % 25 < 20 - 5 * ($0 / 25) }
        let summary = TaskSummary("arithmetic", questions, correct: right)
        #expect(summary.rows.map(\.accuracy.value) == [0.8, 0.6, 0.4, 0.2])
        #expect(summary.domains.map(\.accuracy.value) == [0.7, 0.3])
        #expect(summary.domains.map(\.isInDomain) == [true, false])
        // The standard error of 0.7 over 50 questions is 0.0648; a 90 % interval is ± 1.645 of it. Both ends are multiples of 0.02.
        let estimate = summary.domains[0].accuracy
        #expect(abs(estimate.high - estimate.low - 2 * 1.645 * 0.0648) < 0.04)
        #expect(try JSONText.of(summary).contains("\"outOfDomain\":{\"accuracy\":0.3"))

        // If all questions of a unit have the same result, the uncertainty is that of the number of units.
        for index in questions.indices { questions[index].unit = index / 10 }
        let together = TaskSummary("x", questions, correct: (0..<100).map { $0 / 10 % 2 == 0 })
        let apart = TaskSummary(
            "x",
            questions.enumerated().map {
                var q = $1; q.unit = $0; return q
            },
            correct: (0..<100).map { $0 / 10 % 2 == 0 })
        #expect(
            together.domains[0].accuracy.high - together.domains[0].accuracy.low
                > 2 * (apart.domains[0].accuracy.high - apart.domains[0].accuracy.low))
    }

    @Test(arguments: [
        "", "{", "[]", #"{"prompt": "a"}"#, #"{"prompt": "a", "answer": ""}"#, #"{"prompt": 1, "answer": "b"}"#,
        #"{"prompt": "a", "answer": "b", "operations": 0}"#, #"{"prompt": "a", "answer": "b", "inDomain": 1}"#,
    ])
    func aFileOfNoQuestionsIsRefusedByName(text: String) throws {
        let folder = try Folder()
        let error = #expect(throws: EvaluationError.self) { try TaskQuestion.read(folder.file("test.jsonl", text)) }
        #expect(error?.description.contains("test.jsonl") == true)
    }

    @Test func dataAreWholeReadableAndTheQuestionsTheSameForEverySeed() throws {
        let task = try ArithmeticTask(
            ring: PolynomialRing(modulus: 3, degree: 2), operations: 2, mostOperations: 3, questions: 20)
        let folder = try Folder()
        func write(_ name: String, _ seed: UInt64) throws -> URL {
            let url = folder.url.appendingPathComponent(name)
            let report = try TaskData(task, documents: 300, seed: seed).write(to: url, tokenizer: ByteTokenizer()) {
                _, _ in true
            }
            #expect(report?.documents == 300)
            return url
        }
        let (one, other) = (try write("a", 1), try write("b", 2))
        let shards = try [one, other].map { try TokenShard(contentsOf: $0.appendingPathComponent("train.tokens")) }
        #expect(shards[0].documentCount == 300 && shards[0].document(0) != shards[1].document(0))
        let text = String(decoding: ByteTokenizer().decode(shards[0].document(7)), as: UTF8.self)
        #expect(text.contains("="))
        #expect(try TokenShard(contentsOf: one.appendingPathComponent("validation.tokens")).documentCount == 30)
        #expect(try TokenizerFile.read(folder: one).digest == ByteTokenizer().digest)
        let questions = try TaskQuestion.read(one.appendingPathComponent(TaskQuestion.fileName))
        #expect(try questions == task.test(seed: TaskData.testSeed))
        #expect(try questions == TaskQuestion.read(other.appendingPathComponent(TaskQuestion.fileName)))
        let none = folder.url.appendingPathComponent("c")
        #expect(
            try TaskData(task, documents: 300, seed: 1).write(to: none, tokenizer: ByteTokenizer()) { _, _ in false }
                == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: none.path).isEmpty)
    }
}

private enum JSONText {
    static func of(_ summary: TaskSummary) throws -> String { try JSONValue.object(summary.json).text() }
}
