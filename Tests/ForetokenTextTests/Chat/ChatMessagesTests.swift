import ForetokenFiles
import Testing

@testable import ForetokenText

/// Messages in parts.
@Suite struct ChatMessagesTests {
    private let parts: JSONValue = [
        "role": "user", "content": [["type": "text", "text": "a"], ["type": "text", "text": "b"]],
    ]

    @Test func partsStayForTemplatesThatReadThem() throws {
        let template = try ChatFixtures.template("chatml")
        #expect(try template.prepared([parts]) == [parts])
        #expect(try template.render(template.prepared([parts])).text == "<|im_start|>user\nab<|im_end|>\n")
    }

    @Test func partsAreJoinedForOtherTemplates() throws {
        let template = try ChatFixtures.template("strict")
        #expect(throws: ChatTemplateError.self) { try template.render([parts]) }
        #expect(try template.prepared([parts]) == [["role": "user", "content": "a\nb"]])
        #expect(try template.render(template.prepared([parts])).text == "<s>[INST] a\nb [/INST]")
        // What would print a list is not taken for reading parts.
        let printing = try ChatTemplate(parsing: "{{ messages[0].content }}", file: "t")
        #expect(try printing.render(printing.prepared([parts])).text == "a\nb")
    }

    @Test(
        arguments: [
            ["role": "user", "content": [["type": "image", "url": "x"]]],
            ["role": "user", "content": [["type": "text"]]],
            ["role": "user", "content": ["text"]], ["role": "user", "content": 5],
            ["role": "user", "content": ["type": "text"]],
            ["content": "x"], ["role": 5], "x", .null, ["role": "user", "content": [["type": "text", "text": .null]]],
        ] as [JSONValue])
    func otherContentsAreRefused(message: JSONValue) throws {
        let template = try ChatFixtures.template("chatml")
        #expect {
            try template.prepared([["role": "user", "content": .null], message])
        } throws: { error in
            if case ChatTemplateError.badMessage(1, let reason) = error { return !reason.isEmpty }
            return false
        }
    }

    @Test func nullsAreAbsentAndReasoningHasAllItsNames() throws {
        let template = try ChatTemplate(
            parsing: "{{ messages[0].content is defined }}{{ messages[0].tool_calls is defined }}"
                + "{{ messages[0].keys()|list }}{{ messages[0].thinking }}{{ messages[0].reasoning_content }}",
            file: "t")
        let message: JSONValue = ["role": "assistant", "content": .null, "tool_calls": .null, "reasoning": "r"]
        #expect(
            try template.render([message]).text
                == "FalseFalse['thinking', 'role', 'reasoning', 'reasoning_content']rr")
    }
}
