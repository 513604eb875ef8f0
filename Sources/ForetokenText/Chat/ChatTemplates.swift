package import ForetokenFiles

/// The chat templates of a model, by name; `ModelFolder.chatTemplates(of:)` reads them.
public struct ChatTemplates: Sendable {
    /// A template as it is stored.
    public struct Source: Sendable, Equatable {
        /// The file's name, for messages.
        public var file: String
        /// The text.
        public var bytes: [UInt8]

        /// Creates a source.
        public init(file: String, bytes: [UInt8]) { (self.file, self.bytes) = (file, bytes) }
    }

    /// The templates; `default` is the usual one, and `tool_use` is taken when there are tools.
    public var sources: [String: Source]

    /// The model's special tokens by the names that templates use.
    public var specialTokens: [String: String]

    /// Collects templates.
    public init(sources: [String: Source], specialTokens: [String: String]) {
        (self.sources, self.specialTokens) = (sources, specialTokens)
    }

    /// The template for a conversation.
    ///
    /// - Parameters:
    ///   - hasTools: Whether tools are given: then `tool_use` is taken if there is one.
    ///   - name: A template's name, if it is chosen.
    /// - Throws: ``ChatTemplateError``.
    public func template(hasTools: Bool, named name: String? = nil) throws(ChatTemplateError) -> ChatTemplate {
        let chosen = name ?? (hasTools && sources["tool_use"] != nil ? "tool_use" : "default")
        guard let source = sources[chosen] else {
            let known = sources.keys.sorted().map { $0.quotedForMessage() }.joined(separator: ", ")
            throw .unreadable(
                file: sources.values.map(\.file).min() ?? "chat_template.jinja",
                reason: "there is no template \(chosen.quotedForMessage()); choose one of \(known)")
        }
        return try ChatTemplate(parsing: source.bytes, file: source.file, specialTokens: specialTokens)
    }

    /// The special tokens that templates read, of `tokenizer_config.json` and `special_tokens_map.json`.
    package static func specialTokens(
        _ configuration: JSONNode?, map: () throws -> JSONNode?
    ) throws -> [String: String] {
        var tokens: [String: String] = [:]
        func add(_ node: JSONNode) throws {
            for name in ChatTemplate.specialTokenNames {
                guard let token = try node[name].ifPresent else { continue }
                if case .string(let text) = token.value {
                    tokens[name] = text
                } else {
                    tokens[name] = try token["content"].string()
                }
            }
        }
        if let configuration { try add(configuration) }
        if try configuration?["added_tokens_decoder"].ifPresent == nil,
            let map = try map()
        {
            try add(map)
        }
        return tokens
    }
}
