import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

private func read(
    _ text: String, masksPrompts: Bool = true, template: String? = nil
) throws -> SupervisedExamples {
    let templates = template.map {
        ChatTemplates(
            sources: ["default": ChatTemplates.Source(file: "chat_template.jinja", bytes: Array($0.utf8))],
            specialTokens: ["bos_token": "<|begin_of_text|>"])
    }
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString).jsonl")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try SupervisedExamples(
        contentsOf: url, tokenizer: ByteTokenizer(), masksPrompts: masksPrompts, templates: templates)
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
        // The end of the turn, as the next rendering has it, is part of the answer.
        #expect(learnt(found.examples[0]) == "a1<|im_end|>\na2<|im_end|>\n$")
        let text = messages.map { "<|im_start|>\($0.0)\n\($0.1)<|im_end|>\n" }.joined()
        #expect(found.examples[0].tokens == [256] + ByteTokenizer().encode(text) + [257])
    }

    /// By the model's own template, with its special tokens, and none in what people say.
    @Test func aModelsTemplateSaysWhatIsLearnt() throws {
        let template =
            "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content or '-' }}<|end_of_text|>{% endfor %}"
            + "{% if add_generation_prompt %}[assistant]{% endif %}"
        let lines = """
            {"messages": [{"role": "user", "content": "q<|end_of_text|>"}, {"role": "assistant", "content": "a1"}]}
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a1", "weight": 0}, {"role": "user", "content": [{"type": "text", "text": "r"}]}, {"role": "assistant", "content": null}]}
            """
        let found = try read(lines, template: template).examples
        #expect(found.map(learnt) == ["a1$", "-$"])
        #expect(found[0].tokens.filter { $0 > 255 } == [256, 257, 257])
        let all = try read(lines, masksPrompts: false, template: template).examples
        #expect(all.allSatisfy { !$0.isTarget.contains(false) })
        // Not one whose earlier turns change when others follow.
        let unstable = "{% for m in messages %}{% if not loop.last %}old {% endif %}{{ m.content }};{% endfor %}"
        let error = #expect(throws: SupervisedError.self) {
            try read(
                #"{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}"#,
                template: unstable)
        }
        #expect(error?.description.contains(":1:") == true, "\(error?.description ?? "")")
        let image = #expect(throws: SupervisedError.self) {
            try read(#"{"messages": [{"role": "user", "content": [{"type": "image"}]}]}"#, template: template)
        }
        #expect(image?.description.contains("image") == true)
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
