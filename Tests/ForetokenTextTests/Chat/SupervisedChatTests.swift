import ForetokenFiles
import Testing

@testable import ForetokenText

/// Conversations as training data: what is learnt, and which templates are refused.
@Suite struct SupervisedChatTests {
    private let chat: [JSONValue] = [
        ["role": "system", "content": "S"], ["role": "user", "content": "U"], ["role": "assistant", "content": "A é"],
        ["role": "user", "content": "V"], ["role": "assistant", "content": "B"],
    ]

    private func texts(_ chat: SupervisedChat) -> [String] {
        chat.learnt.map { String(decoding: chat.rendered.bytes[$0.range], as: UTF8.self) }
    }

    @Test func learntIsWhatFollowsThePrompt() throws {
        let template = try ChatFixtures.template("chatml")
        let supervised = try template.supervised(chat)
        #expect(texts(supervised) == ["A é<|im_end|>\n", "B<|im_end|>\n"])
        #expect(supervised.learnt.map(\.message) == [2, 4])
        #expect(supervised.rendered == (try template.render(chat)))
    }

    @Test func generationBlocksSayWhatIsLearnt() throws {
        let supervised = try ChatFixtures.template("generation").supervised(chat)
        #expect(texts(supervised) == ["A é</s>", "B</s>"])
        #expect(supervised.learnt.map(\.message) == [2, 4])
        var some = chat
        some[2] = ["role": "assistant", "content": "A é", "weight": 0]
        #expect(try texts(ChatFixtures.template("generation").supervised(some)) == ["B</s>"])
    }

    /// A template that marks other spans than whole assistant messages.
    @Test func generationBlocksMustMatchTheMessages() throws {
        let template = try ChatTemplate(
            parsing: "{% generation %}{{ messages[0].content }}{% endgeneration %}", file: "t")
        #expect(throws: ChatTemplateError.self) { try template.supervised(chat) }
        #expect(throws: ChatTemplateError.self) { try template.supervised([["role": "user", "content": "x"]]) }
    }

    @Test(arguments: ["chatml", "headers"])
    func theSpansAreThoseOfBruteForce(name: String) throws {
        let template = try ChatFixtures.template(name)
        for conversation in try ChatFixtures.conversations() {
            guard
                let whole = try? template.render(
                    conversation.messages, tools: conversation.tools, now: ChatFixtures.now),
                let supervised = try? template.supervised(
                    conversation.messages, tools: conversation.tools, now: ChatFixtures.now)
            else { continue }
            #expect(supervised.rendered == whole)
            let answers = conversation.messages.indices.filter {
                JSONNode(conversation.messages[$0], file: "").isAnswer
            }
            #expect(supervised.learnt.map(\.message) == answers)
            for (index, span) in zip(answers, supervised.learnt) where index > 0 {
                let before = try template.render(
                    Array(conversation.messages[..<index]), addGenerationPrompt: true, tools: conversation.tools,
                    now: ChatFixtures.now)
                let after = try template.render(
                    Array(conversation.messages[...index]), tools: conversation.tools, now: ChatFixtures.now)
                #expect(before.bytes + whole.bytes[span.range] == after.bytes)
                #expect(whole.bytes.starts(with: after.bytes))
            }
        }
    }

    @Test func templatesThatRenderATurnInTwoWaysAreRefused() throws {
        let template = try ChatFixtures.template("reasoning")
        let thinking: [JSONValue] = [
            ["role": "user", "content": "U"], ["role": "assistant", "content": "<think>T</think>A"],
            ["role": "user", "content": "V"], ["role": "assistant", "content": "B"],
        ]
        guard case .notPrefixStable("reasoning.jinja", 1, let reason)? = error({ try template.supervised(thinking) })
        else {
            Issue.record("accepted")
            return
        }
        #expect(reason.contains("once messages follow"))
        // Of the last turn alone, it can be told.
        var last = thinking
        last[1] = ["role": "assistant", "content": "<think>T</think>A", "train": false]
        #expect(try texts(template.supervised(last)) == ["B</s>"])
        // Without thoughts, the turns are stable.
        #expect(try texts(template.supervised(chat)) == ["A é</s>", "B</s>"])
    }

    @Test func promptsThatAnswersDoNotBeginWithAreRefused() throws {
        let template = try ChatTemplate(
            parsing: "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                + "{% if add_generation_prompt %}<assistant><think>{% endif %}", file: "t")
        guard case .notPrefixStable("t", 2, let reason)? = error({ try template.supervised(chat) }) else {
            Issue.record("accepted")
            return
        }
        #expect(reason.contains("generation prompt"))
    }

    @Test func aTemplateThatNeedsAUserFirstIsRefusedForAnAnswerAtTheStart() throws {
        let template = try ChatTemplate(parsing: "{{ messages[0].role }}{{ messages|length }}", file: "t")
        #expect(throws: ChatTemplateError.self) { try template.supervised([["role": "assistant", "content": "A"]]) }
    }

    @Test(
        arguments: [
            (["weight": 0], []), (["weight": 1], ["A"]), (["weight": 0.0], []), (["weight": 1.0], ["A"]),
            (["train": false], []), (["train": true], ["A"]), (["loss_mask": 0], []), (["loss_mask": 1], ["A"]),
            (["weight": .null], ["A"]), (["weight": 1, "train": true], ["A"]), ([:], ["A"]),
        ] as [(JSONValue, [String])])
    func weightsAreHonoured(keys: JSONValue, expected: [String]) throws {
        let template = try ChatTemplate(
            parsing: "{% for m in messages %}{{ m.content }}{{ m.weight }}{{ m.train }}{{ m.loss_mask }}{% endfor %}",
            file: "t")
        guard case .object(var answer) = keys else { return }
        answer["role"] = "assistant"
        answer["content"] = "A"
        let supervised = try template.supervised([["role": "user", "content": "U"], .object(answer)])
        #expect(texts(supervised) == expected)
        #expect(supervised.rendered.text == "UA")
    }

    @Test(
        arguments: [
            ["role": "assistant", "content": "A", "weight": 0.5], ["role": "assistant", "content": "A", "weight": "1"],
            ["role": "assistant", "content": "A", "weight": 1, "train": false], ["role": "assistant", "train": 2],
            ["role": "user", "content": "U", "weight": 1], "text", .null,
        ] as [JSONValue])
    func unclearWeightsAreRefused(message: JSONValue) throws {
        let template = try ChatFixtures.template("chatml")
        guard
            case .badMessage(1, _)? = error({ try template.supervised([["role": "user", "content": "U"], message]) })
        else {
            Issue.record("accepted")
            return
        }
    }

    private func error(_ body: () throws -> SupervisedChat) -> ChatTemplateError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? ChatTemplateError
        }
    }
}

extension JSONNode {
    fileprivate var isAnswer: Bool { (try? self["role"].string()) == "assistant" }
}
