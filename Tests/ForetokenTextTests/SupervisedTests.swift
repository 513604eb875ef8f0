import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

private func read(_ text: String, masksPrompts: Bool = true) throws -> SupervisedExamples {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString).jsonl")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try SupervisedExamples(contentsOf: url, tokenizer: ByteTokenizer(), masksPrompts: masksPrompts)
}

/// The targets as text; `$` is the end-of-text token.
private func learnt(_ example: SupervisedExample) -> String {
    String(
        decoding: zip(example.tokens, example.isTarget).filter(\.1).map {
            $0.0 < 256 ? UInt8($0.0) : UInt8(ascii: "$")
        },
        as: UTF8.self)
}

@Suite struct SupervisedTests {
    @Test func completionsAreLearntAndPromptsAreRead() throws {
        let found = try read(
            "{\"prompt\": \"ab\", \"completion\": \"cdé\", \"id\": 3}\n\n{\"prompt\": \"\", \"completion\": \"x\"}")
        #expect(found.examples.map(learnt) == ["cdé$", "x$"])
        #expect(found.examples[0].tokens == [256] + ByteTokenizer().encode("abcdé") + [257])
        let all = try read("{\"prompt\": \"ab\", \"completion\": \"cd\"}", masksPrompts: false)
        #expect(learnt(all.examples[0]) == "$abcd$")
    }

    @Test func answersOfAChatAreLearnt() throws {
        let messages = [("system", "s"), ("user", "q"), ("assistant", "a1"), ("user", "r"), ("assistant", "a2")]
        let list = messages.map { "{\"role\": \"\($0.0)\", \"content\": \"\($0.1)\"}" }.joined(separator: ",")
        let found = try read("{\"messages\": [\(list)]}")
        #expect(learnt(found.examples[0]) == "a1<|im_end|>a2<|im_end|>$")
        let text = messages.map { "<|im_start|>\($0.0)\n\($0.1)<|im_end|>\n" }.joined()
        #expect(found.examples[0].tokens == [256] + ByteTokenizer().encode(text) + [257])
    }

    @Test(arguments: [
        ("x", ":1:"), ("[]", ":1:"), ("{\"prompt\": 3}", "prompt"), ("{\"prompt\": \"a\"}", "completion"),
        ("{\"messages\": 4}", "messages"), ("{\"messages\": [{\"role\": \"user\"}]}", "content"),
        ("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"c\"", ":2:"), ("\n", "no training targets"),
        ("{\"prompt\": \"\u{1}\"}", ":1:"),
    ])
    func badLinesAreNamed(text: String, part: String) throws {
        let error = #expect(throws: SupervisedError.self) { try read(text) }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        #expect(throws: SupervisedError.self) {
            try SupervisedExamples(
                contentsOf: URL(fileURLWithPath: "/nowhere.jsonl"), tokenizer: ByteTokenizer(), masksPrompts: true)
        }
    }

    /// Whole examples side by side; no target of one is seen from another, and none is lost.
    @Test func sequencesHoldWholeExamples() throws {
        let lines = (0..<7).map { "{\"prompt\": \"p\($0)\", \"completion\": \"c\($0)\"}" }.joined(separator: "\n")
        let long = "{\"prompt\": \"pp\", \"completion\": \"\(String(repeating: "y", count: 40))\"}"
        let examples = try read(lines + "\n" + long)
        let loader = SupervisedLoader(examples, tokenizer: ByteTokenizer(), sequenceLength: 13, heads: 3, seed: 1)
        #expect(loader.cutExamples == 1)
        // 14 places take two examples of six tokens.
        #expect(loader.sequenceCount == 5)
        var targets = ""
        for sequence in 0..<5 {
            let batch = loader.sequentialBatch(startingAt: sequence, count: 1)
            targets += String(
                decoding: batch.targets(head: 1).filter { $0 != TokenBatch.ignored }.map {
                    $0 < 256 ? UInt8($0) : UInt8(ascii: "$")
                }, as: UTF8.self)
            // Head 2 is asked for the second byte of a completion from the last of its prompt, never beyond the example.
            for (place, target) in batch.targets(head: 2).enumerated() where target != TokenBatch.ignored {
                #expect(batch.documents[place] == batch.documents[place + 2])
            }
        }
        #expect(targets == (0..<7).map { "c\($0)$" }.joined() + String(repeating: "y", count: 11))
        let shuffled = loader.batch(startingAt: 5, count: 5)
        #expect(shuffled.batchSize == 5 && shuffled != loader.batch(startingAt: 0, count: 5))
    }
}
