package import ForetokenFiles
public import ForetokenPlatform

/// The chat templates of a model folder, by name.
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

    /// Reads a model folder's templates as transformers does; nil if it has none.
    ///
    /// `chat_template.jinja` and `additional_chat_templates/*.jinja` come before `chat_template` in `tokenizer_config.json`.
    /// Special tokens are those of `tokenizer_config.json`, and of `special_tokens_map.json` if the former lists no
    /// added tokens.
    ///
    /// - Throws: ``ChatTemplateError/unreadable(file:reason:)`` or `JSONError`.
    public static func read(folder: URL) throws -> ChatTemplates? {
        let configuration = try json("tokenizer_config.json", in: folder)
        var sources: [String: Source] = [:]
        if let main = try file(folder.appending(path: "chat_template.jinja")) { sources["default"] = main }
        let additional = folder.appending(path: "additional_chat_templates")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: additional.path)) ?? []
        for name in names.sorted() where name.hasSuffix(".jinja") {
            sources[String(name.dropLast(6))] = try file(additional.appending(path: name))
        }
        if sources.isEmpty, let configuration { sources = try embedded(configuration) }
        guard !sources.isEmpty else { return nil }
        return ChatTemplates(
            sources: sources,
            specialTokens: try specialTokens(configuration) { try json("special_tokens_map.json", in: folder) })
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

    // MARK: Reading

    private static func file(_ url: URL) throws(ChatTemplateError) -> Source? {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do throws(FileFailure) {
            let mapping = try FileMapping(of: url, limit: ChatTemplate.sizeLimit)
            return Source(file: url.relativePath, bytes: withExtendedLifetime(mapping) { Array(mapping.bytes) })
        } catch {
            throw .unreadable(file: url.relativePath, reason: "cannot \(error.action) it: \(error.reason)")
        }
    }

    private static func json(_ name: String, in folder: URL) throws -> JSONNode? {
        let url = folder.appending(path: name)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        return try JSONNode(contentsOf: url)
    }

    private static func embedded(_ configuration: JSONNode) throws -> [String: Source] {
        guard let node = try configuration["chat_template"].ifPresent else { return [:] }
        let file = configuration.file
        if case .string(let text) = node.value { return ["default": Source(file: file, bytes: Array(text.utf8))] }
        guard case .array = node.value else {
            throw node.wrongType("a string, or a list of objects with name and template")
        }
        var sources: [String: Source] = [:]
        for entry in try node.array() {
            let name = try entry["name"].string()
            let text = try entry["template"].string()
            sources[name] = Source(file: "\(file) (template \(name.quotedForMessage()))", bytes: Array(text.utf8))
        }
        return sources
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
