import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenDecoding

@Suite(.serialized) @ComputeActor struct PromptFileTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func write(_ text: String, _ name: String) throws -> URL {
        let url = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: url)
        return url
    }

    /// The text of a prompt that is one.
    private func written(_ prompt: PromptFile.Prompt) -> String {
        if case .text(let text) = prompt { text } else { "" }
    }

    @Test func continuationsKeepTheirOrderAndAStoppedRunResumes() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 3))
        func request(_ text: String) -> GenerationRequest {
            GenerationRequest(
                prompt: prompt(text), maximumTokens: 6 + text.utf8.count, heads: 3,
                sampler: Sampler(temperature: 1, seed: 5))
        }
        let lines = (0..<20).map { "{\"prompt\": \"for \($0)\", \"task_id\": \"t/\($0)\"}" }
        let file = try PromptFile(contentsOf: write(lines.joined(separator: "\n\n"), "in.jsonl"))
        let out = folder.appendingPathComponent("out.jsonl")
        try await file.run(
            on: BatchEngine(decoder, tokenizer: ByteTokenizer()), completions: 2, to: out,
            request: { request(written($0)) }
        ) { written, _ in written < 7
        }
        // The kill came in the middle of a line.
        let part = try Data(contentsOf: out)
        try part.dropLast(5).write(to: out)
        try await file.run(
            on: BatchEngine(decoder, tokenizer: ByteTokenizer()), completions: 2, to: out,
            request: { request(written($0)) }
        ) { _, _ in true }
        let rows = try String(contentsOf: out, encoding: .utf8).split(separator: "\n")
        #expect(rows.count == 40)
        for (index, row) in rows.enumerated() {
            let node = JSONNode(try JSONValue(parsing: String(row), file: "out"), file: "out")
            var alone = request("for \(index / 2)")
            alone.sampler.seed += UInt64(index % 2)
            #expect(try node["completion"].string() == decode(decoder, alone).0)
            #expect(try node["task_id"].string() == "t/\(index / 2)")
            #expect(try node["sample"].integer() == index % 2)
        }
        let other = try PromptFile(contentsOf: write("{\"prompt\": \"x\"}", "other.jsonl"))
        await #expect(throws: ResultsFileError.foreign(file: out.relativePath, line: 1)) {
            try await other.run(
                on: BatchEngine(decoder, tokenizer: ByteTokenizer()), to: out, request: { request(written($0)) }
            ) { _, _ in true }
        }
    }

    @Test func aPromptThatCannotBeContinuedIsNamedBeforeTheFirstText() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        let long = String(repeating: "x", count: decoder.configuration.contextLength)
        let file = try PromptFile(contentsOf: write("{\"prompt\": \"a\"}\n\n{\"prompt\": \"\(long)\"}", "in.jsonl"))
        let out = folder.appendingPathComponent("out.jsonl")
        let problem = await #expect(throws: PromptFile.Problem.self) {
            try await file.run(on: BatchEngine(decoder, tokenizer: ByteTokenizer()), to: out) {
                GenerationRequest(prompt: prompt(written($0).isEmpty ? "x" : written($0)), maximumTokens: 5, heads: 2)
            } progress: { _, _ in
                true
            }
        }
        #expect("\(try #require(problem))".contains("in.jsonl: line 3: "))
        #expect(try Data(contentsOf: out).isEmpty)
    }

    @Test func textsOfAnotherModelOrOtherSettingsAreNotMixed() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let decoder = try DecodeModel(reading: TinyModels.trained(.linear, heads: 2))
        let url = try write("\u{FEFF}{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"completion\": \"c\"}\n", "in.jsonl")
        let out = folder.appendingPathComponent("out.jsonl")
        func run(_ modelDigest: String, tokens: Int = 5, heads: Int = 2, to out: URL) async throws {
            try await PromptFile(contentsOf: url).run(
                on: BatchEngine(decoder, tokenizer: ByteTokenizer()), to: out, modelDigest: modelDigest
            ) {
                GenerationRequest(prompt: prompt("x" + written($0)), maximumTokens: tokens, heads: heads)
            } progress: { _, _ in
                true
            }
        }
        try await run("m", to: out)
        let text = try Data(contentsOf: out)
        try await run("m", heads: 1, to: out)
        await #expect(throws: ResultsFileError.self) { try await run("other", to: out) }
        await #expect(throws: ResultsFileError.self) { try await run("m", tokens: 6, to: out) }
        await #expect(throws: ResultsFileError.isInput(file: url.relativePath)) { try await run("m", to: url) }
        #expect(try Data(contentsOf: out) == text)
    }

    @Test func aLineMayBeAConversation() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let line = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": [{}]}"
        let file = try PromptFile(contentsOf: write(line, "chat.jsonl"))
        let messages: [JSONValue] = [["role": "user", "content": "a"]]
        #expect(file.hasMessages && file.prompts.map(\.prompt) == [.messages(messages, tools: [.object(JSONObject())])])
    }

    @Test(arguments: [
        "x", "[]", "{\"prompt\": 3}", "{\"text\": \"a\"}", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"",
        "{\"prompt\": \"\u{1}\"}", "{\"messages\": \"a\"}", "{\"prompt\": \"a\", \"messages\": []}",
        "{\"messages\": [], \"tools\": 1}",
    ])
    func badLinesAreNamed(text: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = try write(text, "bad.jsonl")
        let problem = #expect(throws: PromptFile.Problem.self) { try PromptFile(contentsOf: url) }
        #expect("\(try #require(problem))".contains("bad.jsonl: line \(text.contains("\n") ? 2 : 1): "))
    }
}
