import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

/// A model folder's templates and special tokens, and messages in parts.
@Suite struct ChatTemplatesFolderTests {
    private func write(_ files: [(String, String)]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, text) in files { _ = try folder.write(Array(text.utf8), as: name) }
        return folder
    }

    private func rendered(_ templates: ChatTemplates?, hasTools: Bool = false, named: String? = nil) throws -> String? {
        try templates?.template(hasTools: hasTools, named: named).render([["role": "user", "content": "x"]]).text
    }

    @Test func aFolderWithoutTemplatesHasNone() throws {
        for text in ["{}", #"{"bos_token": "<s>"}"#, #"{"chat_template": null}"#] {
            let folder = try write([("tokenizer_config.json", text)])
            #expect(try ChatTemplates.read(folder: folder.url).map(\.sources) == nil)
        }
        let empty = try write([])
        #expect(try ChatTemplates.read(folder: empty.url).map(\.sources) == nil)
    }

    @Test func theTemplateOfTheConfigurationIsRead() throws {
        let folder = try write([
            (
                "tokenizer_config.json",
                #"{"chat_template": "{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}|{{ image_token }}", "#
                    + #""bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null, "#
                    + #""image_token": "<i>"}"#
            )
        ])
        #expect(try rendered(ChatTemplates.read(folder: folder.url)) == "<s>|</s>|False|")
    }

    @Test func namedTemplatesAreChosenByTools() throws {
        let folder = try write([
            (
                "tokenizer_config.json",
                #"{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}, "#
                    + #"{"name": "rag", "template": "r"}]}"#
            )
        ])
        let templates = try ChatTemplates.read(folder: folder.url)
        #expect(try rendered(templates) == "d")
        #expect(try rendered(templates, hasTools: true) == "t")
        #expect(try rendered(templates, named: "rag") == "r")
        #expect(throws: ChatTemplateError.self) { try rendered(templates, named: "other") }
    }

    @Test func filesComeBeforeTheConfiguration() throws {
        let folder = try write([
            ("tokenizer_config.json", #"{"chat_template": "c", "eos_token": "e"}"#),
            ("chat_template.jinja", "f{{ eos_token }}\n"),
        ])
        #expect(try rendered(ChatTemplates.read(folder: folder.url)) == "fe")
        let additional = folder.url.appending(path: "additional_chat_templates")
        try FileManager.default.createDirectory(at: additional, withIntermediateDirectories: false)
        try Data("a".utf8).write(to: additional.appending(path: "tool_use.jinja"))
        try Data("b".utf8).write(to: additional.appending(path: "notes.txt"))
        let templates = try ChatTemplates.read(folder: folder.url)
        #expect(templates?.sources.keys.sorted() == ["default", "tool_use"])
        #expect(try rendered(templates, hasTools: true) == "a")
    }

    /// transformers reads this file only if the configuration does not list the added tokens.
    @Test func specialTokensMapIsTheOlderPlace() throws {
        let map = ("special_tokens_map.json", #"{"bos_token": {"content": "<m>"}, "eos_token": "</m>"}"#)
        let template = ("chat_template.jinja", "{{ bos_token }}{{ eos_token }}")
        let old = try write([map, template, ("tokenizer_config.json", #"{"bos_token": "<s>"}"#)])
        #expect(try rendered(ChatTemplates.read(folder: old.url)) == "<m></m>")
        let new = try write([
            map, template, ("tokenizer_config.json", #"{"bos_token": "<s>", "added_tokens_decoder": {}}"#),
        ])
        #expect(try rendered(ChatTemplates.read(folder: new.url)) == "<s>")
    }

    @Test(arguments: [
        #"{"chat_template": 5}"#, #"{"chat_template": ["x"]}"#, #"{"chat_template": [{"name": "a"}]}"#, "{", "[]",
        #"{"chat_template": "x", "bos_token": 5}"#, #"{"chat_template": "x", "bos_token": {"text": "x"}}"#,
    ])
    func brokenConfigurationsAreRefused(text: String) throws {
        let folder = try write([("tokenizer_config.json", text)])
        #expect(throws: JSONError.self) { try ChatTemplates.read(folder: folder.url) }
    }

    @Test func filesThatAreNotTemplatesAreRefused() throws {
        let folder = try write([("chat_template.jinja", "{% block x %}")])
        let templates = try ChatTemplates.read(folder: folder.url)
        #expect(throws: ChatTemplateError.self) { try rendered(templates) }
        let other = try TemporaryFolder()
        _ = try other.write([0xFF, 0xFE], as: "chat_template.jinja")
        #expect(throws: ChatTemplateError.self) { try rendered(ChatTemplates.read(folder: other.url)) }
        let directory = try TemporaryFolder()
        let file = directory.url.appending(path: "chat_template.jinja")
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        #expect(throws: ChatTemplateError.self) { try ChatTemplates.read(folder: directory.url) }
    }

    // MARK: Messages

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
