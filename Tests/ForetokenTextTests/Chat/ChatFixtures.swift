import ForetokenFiles
import Foundation

@testable import ForetokenText

/// The fixtures of `Fixtures/chat`; make.py there says how they were made.
enum ChatFixtures {
    private static let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures/chat")

    static let specialTokens = ["bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"]

    /// The templates of this repository.
    static let own = ["chatml", "generation", "headers", "reasoning", "strict"]

    static func node(_ name: String) throws -> JSONNode {
        try JSONNode(contentsOf: folder.appendingPathComponent(name))
    }

    static func template(_ name: String) throws -> ChatTemplate {
        let bytes = try Data(contentsOf: folder.appendingPathComponent("templates/\(name).jinja"))
        return try ChatTemplate(parsing: Array(bytes), file: "\(name).jinja", specialTokens: specialTokens)
    }

    /// The templates of other people's models, if an environment variable names their folder; see make.py.
    static let modelFolder = ProcessInfo.processInfo.environment["FORETOKEN_CHAT_TEMPLATES"]

    static func modelTemplates() throws -> [ChatTemplate] {
        guard let modelFolder else { return [] }
        let folder = URL(fileURLWithPath: modelFolder)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .filter { $0.hasSuffix(".jinja") }
            .map { name in
                let bytes = try Data(contentsOf: folder.appendingPathComponent(name))
                return try ChatTemplate(
                    parsing: Array(bytes), file: String(name.dropLast(6)), specialTokens: specialTokens)
            }
    }

    static func conversations() throws -> [Conversation] {
        try node("own.json")["conversations"].array().map { try Conversation($0) }
    }

    static func conversation(_ name: String) throws -> Conversation {
        guard let found = try conversations().first(where: { $0.name == name }) else { throw NoSuchConversation() }
        return found
    }

    struct NoSuchConversation: Error {}

    /// 2026-07-26 13:05:09 in the zone of this machine.
    static let now: @Sendable () -> Date = {
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (126, 6, 26)
        (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_isdst) = (13, 5, 9, -1)
        return Date(timeIntervalSince1970: Double(mktime(&parts)))
    }

    static func digest(_ bytes: [UInt8]) -> String { String(SHA256.hex(of: bytes).prefix(20)) }
}

/// The arguments of a conversation in the fixture.
struct Conversation {
    var name: String
    var messages: [JSONValue]
    var tools: [JSONValue]?
    var documents: [JSONValue]?
    var addsPrompt = false
    var variables = JSONObject()

    init(_ node: JSONNode) throws {
        name = try node["name"].string()
        messages = try node["messages"].array().compactMap(\.value)
        for (key, value) in try node["arguments"].object() {
            switch (key, value) {
            case ("tools", .array(let array)): tools = array
            case ("documents", .array(let array)): documents = array
            case ("add_generation_prompt", .bool(let bool)): addsPrompt = bool
            default: variables[key] = value
            }
        }
    }

    func render(_ template: ChatTemplate) throws(ChatTemplateError) -> RenderedChat {
        try template.render(
            messages, addGenerationPrompt: addsPrompt, tools: tools, documents: documents, variables: variables,
            now: ChatFixtures.now)
    }
}
