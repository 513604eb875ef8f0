import ForetokenFiles
import ForetokenFormats
import ForetokenText
import Foundation
import Testing

@testable import ForetokenModel

/// A Hugging Face folder made of a GGUF fixture, in a scratch folder of its own.
private func folder(_ name: String, in scratch: Scratch, at path: String = "folder") throws -> URL {
    let url = scratch.file(path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    _ = try Conversion.run(from: GGUFFixture(name: name).url, to: url, format: .hf)
    return url
}

private func link(_ url: URL, to target: String) throws {
    try? FileManager.default.removeItem(at: url)
    try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
}

@Suite struct FolderLinkTests {
    /// Every file that is read or copied, by an absolute and a relative link, a chain of links, and one through a linked folder.
    @Test func linksOutOfTheFolderAreRefused() throws {
        let scratch = try Scratch()
        let whole = try folder("llama-bias", in: scratch)
        let secret = scratch.file("secret")
        for name in [
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
            "chat_template.jinja", "additional_chat_templates/tool_use.jinja", "tokenizer.model",
            "special_tokens_map.json",
            "vocab.json", "merges.txt", "added_tokens.json",
        ] {
            for target in [secret.path, "../secret", "inner"] {
                let copy = scratch.file("copy")
                try? FileManager.default.removeItem(at: copy)
                try FileManager.default.copyItem(at: whole, to: copy)
                let file = copy.appendingPathComponent(name)
                try? FileManager.default.removeItem(at: secret)
                if FileManager.default.fileExists(atPath: file.path) {
                    try FileManager.default.copyItem(at: file, to: secret)
                } else {
                    try Data("{}".utf8).write(to: secret)
                }
                let inner = file.deletingLastPathComponent().appendingPathComponent("inner")
                try link(inner, to: secret.path)
                let depth = name.contains("/") ? "../" : ""
                try link(file, to: target.hasPrefix("..") ? depth + target : target)
                let text = sentence("\(name) \(target)") { _ = try ModelFolder.source(copy) }
                #expect(text.contains(name) && text.contains("secret") && text.contains("link"), "\(text)")
                let out = scratch.file("out")
                #expect(throws: ModelError.self) { try Conversion.run(from: copy, to: out, format: .hf) }
                #expect(!FileManager.default.fileExists(atPath: out.path))
            }
        }
    }

    @Test func linksInsideTheFolderAndIntoACachesBlobsAreFollowed() throws {
        let scratch = try Scratch()
        let snapshot = try folder("llama-bias", in: scratch, at: "models--org--name/snapshots/abc")
        let blobs = scratch.file("models--org--name/blobs")
        try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
        let expected = try ModelFolder.configuration(of: snapshot)
        for name in try FileManager.default.contentsOfDirectory(atPath: snapshot.path) where name.contains(".") {
            let (file, blob) = (snapshot.appendingPathComponent(name), blobs.appendingPathComponent("blob-\(name)"))
            try FileManager.default.moveItem(at: file, to: blob)
            try link(file, to: "../../blobs/blob-\(name)")
        }
        let out = scratch.file("out")
        _ = try Conversion.run(from: snapshot, to: out, format: .hf)
        #expect(try ModelFolder.configuration(of: out) == expected)
        let template = out.appendingPathComponent("chat_template.jinja")
        #expect(try template.resourceValues(forKeys: [.isSymbolicLinkKey]).isSymbolicLink == false)
        try FileManager.default.moveItem(at: template, to: out.appendingPathComponent("other.jinja"))
        try link(template, to: "other.jinja")
        #expect(throws: Never.self) { try ModelFolder.source(out) }
        // The blobs of another model are another folder's.
        try FileManager.default.createDirectory(
            at: scratch.file("models--x--y/blobs"), withIntermediateDirectories: true)
        try Data("secret".utf8).write(to: scratch.file("models--x--y/blobs/b"))
        try link(snapshot.appendingPathComponent("chat_template.jinja"), to: "../../../models--x--y/blobs/b")
        #expect(sentence { _ = try ModelFolder.source(snapshot) }.contains("models--x--y"))
    }
}

@Suite struct HubCacheTests {
    @Test func namesOfTheHubAreFoundInTheCacheOrSaid() throws {
        let scratch = try Scratch()
        let name = URL(fileURLWithPath: "org-\(UUID().uuidString.prefix(8))/some.Model_1", relativeTo: nil)
        let relative = name.relativePath
        let short =
            relative.hasPrefix("/") ? String(relative.split(separator: "/").suffix(2).joined(separator: "/")) : relative
        let url = URL(string: short, relativeTo: URL(fileURLWithPath: "/nonexistent/"))
        let asked = try #require(url)
        let environment = ["HF_HOME": scratch.file("home").path]
        let text = sentence { _ = try ModelFolder.locate(asked, environment: environment) }
        for word in [short, "hf download", "HF_HOME", scratch.file("home").path] {
            #expect(text.contains(word), "\(text)")
        }
        let cache = "home/hub/models--" + short.split(separator: "/").joined(separator: "--")
        let snapshot = try folder("qwen3", in: scratch, at: "\(cache)/snapshots/0123abcd")
        #expect(try ModelFolder.locate(asked, environment: environment).path == snapshot.path)
        #expect(try ModelFolder.locate(scratch.file(cache)).path == snapshot.path)
        // Of two revisions the one that main names.
        _ = try folder("qwen2", in: scratch, at: "\(cache)/snapshots/ffff")
        #expect(throws: ModelError.self) { try ModelFolder.locate(asked, environment: environment) }
        try FileManager.default.createDirectory(at: scratch.file("\(cache)/refs"), withIntermediateDirectories: true)
        try Data("0123abcd".utf8).write(to: scratch.file("\(cache)/refs/main"))
        #expect(try ModelFolder.locate(asked, environment: environment).path == snapshot.path)
        try Data("../../..".utf8).write(to: scratch.file("\(cache)/refs/main"))
        #expect(throws: ModelError.self) { try ModelFolder.locate(asked, environment: environment) }
    }

    /// The rules of `huggingface_hub.constants` 1.x.
    @Test func theCachesFolderFollowsTheEnvironment() {
        let home = ["HOME": "/home/a"]
        func folder(_ more: [String: String]) -> String { HubCache.folder(home.merging(more) { $1 }).path }
        #expect(folder([:]) == "/home/a/.cache/huggingface/hub")
        #expect(folder(["XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
        #expect(folder(["HF_HOME": "~/h", "XDG_CACHE_HOME": "/x"]) == "/home/a/h/hub")
        #expect(folder(["HUGGINGFACE_HUB_CACHE": "/c", "HF_HOME": "/h"]) == "/c")
        #expect(folder(["HF_HUB_CACHE": "/b", "HUGGINGFACE_HUB_CACHE": "/c"]) == "/b")
        #expect(folder(["HF_HUB_CACHE": ""]) == "/home/a/.cache/huggingface/hub")
        for (path, isName) in [
            ("org/name", true), ("Qwen/Qwen2.5-0.5B", true), ("name", false), ("a/b/c", false), ("/a/b", false),
            ("./a", false), ("../a", false), ("a/", false), ("a/b c", false), ("a/é", false),
        ] { #expect(HubCache.isName(path) == isName, "\(path)") }
    }
}

@Suite struct MetadataTests {
    /// Every companion, the tokens and the declared type, through every format and back.
    @Test(
        arguments: [
            [.hf], [.foretoken], [.foretoken, .hf], [.meta, .hf], [.foretoken, .meta, .foretoken], [.gguf, .hf],
            [.gguf, .foretoken, .gguf, .hf],
        ] as [[InterchangeFormat]])
    func metadataSurvives(_ path: [InterchangeFormat]) throws {
        let scratch = try Scratch()
        // Meta's format has neither biases nor head widths of their own.
        let base = try plainFolder(in: scratch)
        var url = base
        for (index, format) in path.enumerated() {
            let next = scratch.file("step-\(index)" + (format == .gguf ? ".gguf" : ""))
            _ = try Conversion.run(from: url, to: next, format: format)
            url = next
        }
        let (before, after) = (try ModelFolder.configuration(of: base), try ModelFolder.configuration(of: url))
        #expect(after.endTokens == [257, 258, 256] && after.endTokens == before.endTokens)
        #expect(after.beginningOfText == nil && after.tokenRoles.beginning == 256 && after.tokenRoles.padding == 259)
        let config = try JSONNode(contentsOf: url.appendingPathComponent("config.json"))
        #expect(try config["eos_token_id"].array().map { try $0.integer() } == [257, 258, 256])
        #expect(try config["bos_token_id"].integer() == 256 && config["pad_token_id"].integer() == 259)
        #expect(try config["torch_dtype"].string() == "bfloat16")
        func text(_ name: String, _ folder: URL) throws -> String {
            try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }
        for name in ["chat_template.jinja", "additional_chat_templates/rag.jinja", "tokenizer.json"] {
            #expect(try text(name, url) == text(name, base), "\(name)")
        }
        let generation = try JSONNode(contentsOf: url.appendingPathComponent("generation_config.json"))
        #expect(try generation["eos_token_id"].array().map { Int32(try $0.integer()) }.contains(258))
        // GGUF has no place for the rest.
        guard !path.contains(.gguf) else { return }
        #expect(try generation["temperature"].double() == 0.7)
        for name in ["special_tokens_map.json", "tokenizer_config.json"] {
            #expect(try text(name, url) == text(name, base))
        }
    }

    /// A folder of a plain Llama in bfloat16 with every kind of companion.
    private func plainFolder(in scratch: Scratch) throws -> URL {
        let configuration = ModelConfiguration(
            vocabulary: 288, width: 32, layers: 2, attentionHeads: 4, feedForwardWidth: 64, heads: 1,
            // The context that Meta's format does not name.
            contextLength: 4096, endOfText: 257)
        let url = scratch.file("base")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        try ModelFolder.writeLlama(
            RandomWeights(configuration), ModelOutline(configuration).parameters, to: url, format: .bf16,
            shardBytes: 1 << 30)
        let tokenizer = try folder("llama-bias", in: scratch).appendingPathComponent("tokenizer.json")
        try FileManager.default.copyItem(at: tokenizer, to: url.appendingPathComponent("tokenizer.json"))
        try edit(url.appendingPathComponent("config.json")) { config in
            (config["bos_token_id"], config["pad_token_id"]) = (256, 259)
        }
        for (name, text) in [
            ("generation_config.json", #"{"eos_token_id": [258, 257], "temperature": 0.7, "pad_token_id": 12}"#),
            ("tokenizer_config.json", #"{"eos_token": {"content": "<|begin|>"}, "bos_token": "<|begin|>", "x": 1}"#),
            ("special_tokens_map.json", #"{"bos_token": "<|begin|>"}"#), ("chat_template.jinja", "{{ é }}"),
            ("additional_chat_templates/rag.jinja", "{{ rag }}"),
        ] {
            let file = url.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return url
    }

    /// Ends by every file and form; what the vocabulary lacks or null is left out.
    @Test(
        arguments: [
            ("null", "null", "null", [], nil), ("2", "null", "null", [2], nil), ("[2, 3]", "3", "null", [2, 3], nil),
            ("null", "[5, 4]", "null", [5, 4], nil), ("2", "[3, 2]", "\"<|end|>\"", [2, 3, 257], nil),
            ("null", "null", "{\"content\": \"<|turn|>\"}", [258], nil), ("2", "100000", "\"no such token\"", [2], nil),
            ("2", "\"x\"", "null", nil, "generation_config.json"),
            ("2", "[[3]]", "null", nil, "generation_config.json"),
            ("2", "3", "7", nil, "tokenizer_config.json"), ("2", "-1", "null", nil, "generation_config.json"),
            ("[2, \"x\"]", "3", "null", nil, "config.json"), ("300", "null", "null", nil, "special token 300"),
        ] as [(String, String, String, [Int32]?, String?)])
    func aTextEndsAtTheUnion(
        _ config: String, _ generation: String, _ tokenizer: String, _ ends: [Int32]?, _ error: String?
    ) throws {
        let scratch = try Scratch()
        let url = try folder("llama-bias", in: scratch)
        let value = try Array(config.utf8).withUnsafeBytes { try JSONValue(parsing: $0, file: "") }
        try edit(url.appendingPathComponent("config.json")) { $0["eos_token_id"] = value }
        try Data("{\"eos_token_id\": \(generation)}".utf8).write(
            to: url.appendingPathComponent("generation_config.json"))
        try Data("{\"eos_token\": \(tokenizer)}".utf8).write(to: url.appendingPathComponent("tokenizer_config.json"))
        guard let ends else {
            let text = sentence { _ = try ModelFolder.configuration(of: url) }
            #expect(text.contains(error ?? ""), "\(text)")
            return
        }
        let configuration = try ModelFolder.configuration(of: url)
        #expect(configuration.endTokens == ends && configuration.endOfText == ends.first)
        for token in 0..<Int32(288) { #expect(configuration.isEnd(token) == ends.contains(token)) }
    }

    @Test func templatesAreFoundWhereReleasesPutThem() throws {
        func settings(_ text: String) -> CompanionFile {
            CompanionFile(name: "tokenizer_config.json", bytes: Array(text.utf8), in: "f")
        }
        let own = CompanionFile(name: "chat_template.jinja", bytes: Array("own".utf8), in: "f")
        let rag = CompanionFile(name: "additional_chat_templates/rag.jinja", bytes: Array("rag".utf8), in: "f")
        func found(_ files: [CompanionFile]) throws -> [String] {
            try ChatTemplateFiles.templates(files).map { "\($0.name ?? "-"):\($0.text)" }
        }
        #expect(try found([]) == [])
        #expect(try found([own, rag, settings(#"{"chat_template": "x"}"#)]) == ["-:own", "rag:rag"])
        #expect(try found([settings(#"{"chat_template": "x"}"#)]) == ["-:x"])
        #expect(try found([settings(#"{"chat_template": null}"#)]) == [])
        #expect(
            try found([
                settings(#"{"chat_template": [{"name": "default", "template": "a"}, {"name": "t", "template": "b"}]}"#)
            ])
                == ["-:a", "t:b"])
        #expect(throws: JSONError.self) { try found([settings(#"{"chat_template": 1}"#)]) }
        #expect(throws: JSONError.self) { try found([settings("{")]) }
        let notUTF8 = CompanionFile(name: "chat_template.jinja", bytes: [0xFF], in: "folder/chat_template.jinja")
        #expect(sentence { _ = try found([notUTF8]) }.contains("UTF-8"))
    }
}
