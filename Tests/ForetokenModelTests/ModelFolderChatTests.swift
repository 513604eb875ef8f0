import ForetokenFiles
import ForetokenText
import Foundation
import Testing

@testable import ForetokenModel

/// A model folder's templates and special tokens.
@Suite struct ModelFolderChatTests {
    private func write(_ files: [(String, String)]) throws -> Scratch {
        let folder = try Scratch()
        for (name, text) in files { try Data(text.utf8).write(to: folder.file(name)) }
        return folder
    }

    private func rendered(_ templates: ChatTemplates?, hasTools: Bool = false, named: String? = nil) throws -> String? {
        try templates?.template(hasTools: hasTools, named: named).render([["role": "user", "content": "x"]]).text
    }

    @Test func aFolderWithoutTemplatesHasNone() throws {
        for text in ["{}", #"{"bos_token": "<s>"}"#, #"{"chat_template": null}"#] {
            let folder = try write([("tokenizer_config.json", text)])
            #expect(try ModelFolder.chatTemplates(of: folder.url).map(\.sources) == nil)
        }
        let empty = try write([])
        #expect(try ModelFolder.chatTemplates(of: empty.url).map(\.sources) == nil)
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
        #expect(try rendered(ModelFolder.chatTemplates(of: folder.url)) == "<s>|</s>|False|")
    }

    @Test func namedTemplatesAreChosenByTools() throws {
        let folder = try write([
            (
                "tokenizer_config.json",
                #"{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}, "#
                    + #"{"name": "rag", "template": "r"}]}"#
            )
        ])
        let templates = try ModelFolder.chatTemplates(of: folder.url)
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
        #expect(try rendered(ModelFolder.chatTemplates(of: folder.url)) == "fe")
        let additional = folder.url.appending(path: "additional_chat_templates")
        try FileManager.default.createDirectory(at: additional, withIntermediateDirectories: false)
        try Data("a".utf8).write(to: additional.appending(path: "tool_use.jinja"))
        try Data("b".utf8).write(to: additional.appending(path: "notes.txt"))
        let templates = try ModelFolder.chatTemplates(of: folder.url)
        #expect(templates?.sources.keys.sorted() == ["default", "tool_use"])
        #expect(try rendered(templates, hasTools: true) == "a")
    }

    /// transformers reads this file only if the configuration does not list the added tokens.
    @Test func specialTokensMapIsTheOlderPlace() throws {
        let map = ("special_tokens_map.json", #"{"bos_token": {"content": "<m>"}, "eos_token": "</m>"}"#)
        let template = ("chat_template.jinja", "{{ bos_token }}{{ eos_token }}")
        let old = try write([map, template, ("tokenizer_config.json", #"{"bos_token": "<s>"}"#)])
        #expect(try rendered(ModelFolder.chatTemplates(of: old.url)) == "<m></m>")
        let new = try write([
            map, template, ("tokenizer_config.json", #"{"bos_token": "<s>", "added_tokens_decoder": {}}"#),
        ])
        #expect(try rendered(ModelFolder.chatTemplates(of: new.url)) == "<s>")
    }

    @Test(arguments: [
        #"{"chat_template": 5}"#, #"{"chat_template": ["x"]}"#, #"{"chat_template": [{"name": "a"}]}"#, "{", "[]",
        #"{"chat_template": "x", "bos_token": 5}"#, #"{"chat_template": "x", "bos_token": {"text": "x"}}"#,
    ])
    func brokenConfigurationsAreRefused(text: String) throws {
        let folder = try write([("tokenizer_config.json", text)])
        #expect(throws: JSONError.self) { try ModelFolder.chatTemplates(of: folder.url) }
    }

    @Test func filesThatAreNotTemplatesAreRefused() throws {
        let folder = try write([("chat_template.jinja", "{% block x %}")])
        let templates = try ModelFolder.chatTemplates(of: folder.url)
        #expect(throws: ChatTemplateError.self) { try rendered(templates) }
        let other = try Scratch()
        try Data([0xFF, 0xFE]).write(to: other.file("chat_template.jinja"))
        #expect(sentence { _ = try ModelFolder.chatTemplates(of: other.url) }.contains("UTF-8"))
        let directory = try Scratch()
        let file = directory.url.appending(path: "chat_template.jinja")
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        #expect(throws: (any Error).self) { try ModelFolder.chatTemplates(of: directory.url) }
    }

    /// A link that leads out of the folder is not followed.
    @Test func linksOutOfTheFolderAreNotFollowed() throws {
        let (folder, other) = (try write([]), try write([("secret", "x")]))
        try FileManager.default.createSymbolicLink(
            at: folder.file("chat_template.jinja"), withDestinationURL: other.file("secret"))
        #expect(sentence { _ = try ModelFolder.chatTemplates(of: folder.url) }.contains("chat_template.jinja"))
    }
}
