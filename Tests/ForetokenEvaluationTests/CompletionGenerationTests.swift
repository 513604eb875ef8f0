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
struct CompletionGenerationTests {
    private func model(context: Int = 160) throws -> DecodeModel {
        try DecodeModel(
            reading: MultiTokenModel(
                ModelConfiguration(
                    vocabulary: 258, width: 32, layers: 4, attentionHeads: 4, keyValueHeads: 2, headDimension: 8,
                    feedForwardWidth: 48, heads: 2, headKind: .parallel, contextLength: context, beginningOfText: 256,
                    endOfText: 257), seed: 3))
    }

    private func run(_ generation: CompletionGeneration, _ model: DecodeModel, _ out: URL, stopAfter: Int = .max)
        async throws
    {
        try await generation.run(
            on: BatchEngine(model, tokenizer: ByteTokenizer()),
            request: GenerationRequest(prompt: [], maximumTokens: 8, heads: 2), to: out
        ) { written, _ in written < stopAfter }
    }

    @Test func aRunThatStoppedGoesOnToTheSameFileAndAnotherRunsFileIsRefused() async throws {
        let folder = try Folder()
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", humanEvalText))
        let model = try model()
        func generation(seed: UInt64) throws -> CompletionGeneration {
            try CompletionGeneration(problems, completions: 3, temperatures: [0.5, 1], seed: seed, model: model)
        }
        let whole = folder.url.appendingPathComponent("whole.jsonl")
        try await run(generation(seed: 1), model, whole)
        let text = try Data(contentsOf: whole)
        #expect(try generation(seed: 1).total == 12)
        #expect(text.count { $0 == 0x0A } == 12)

        let parts = folder.url.appendingPathComponent("parts.jsonl")
        try await run(generation(seed: 1), model, parts, stopAfter: 4)
        let handle = try FileHandle(forWritingTo: parts)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"task_id\":\"T/".utf8))
        try handle.close()
        try await run(generation(seed: 1), model, parts)
        #expect(try Data(contentsOf: parts) == text)

        await #expect(throws: ResultsFileError.self) { try await run(generation(seed: 2), model, whole) }
        // The same tasks with other prompts.
        let changed = try ProblemFile(
            contentsOf: folder.file("q.jsonl", humanEvalText.replacingOccurrences(of: "def ", with: "def  ")))
        await #expect(throws: ResultsFileError.foreign(file: whole.relativePath, line: 1)) {
            try await run(
                CompletionGeneration(changed, completions: 3, temperatures: [0.5, 1], seed: 1, model: model), model,
                whole)
        }
        let file = try CompletionFile(contentsOf: whole, of: problems)
        #expect(file.completions.map(\.temperature).prefix(6) == [0.5, 0.5, 0.5, 1, 1, 1])
        #expect(Set(file.completions.map(\.program)).count > 6)
    }

    @Test func aPromptBeyondTheContextIsSaidBeforeTheFirstToken() throws {
        let folder = try Folder()
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", humanEvalText))
        let model = try model(context: 50)
        let error = #expect(throws: EvaluationError.self) {
            try CompletionGeneration(problems, completions: 1, temperatures: [0], seed: 0, model: model)
        }
        #expect(error?.description.contains("T/1") == true)
        let left = try CompletionGeneration(
            problems, completions: 1, temperatures: [0], seed: 0, model: model, skipsLong: true)
        #expect(left.skipped == ["T/1"] && left.total == 1)
    }
}
