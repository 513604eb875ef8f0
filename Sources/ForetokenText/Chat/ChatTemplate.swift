public import ForetokenFiles
public import ForetokenPlatform

/// A model's chat template: the part of Jinja that such templates use, as transformers' `apply_chat_template` runs it.
///
/// What the interpreter does not support is refused by name, with line and column. Rendering is bounded in steps, memory,
/// output and nesting (``limits``). Every byte of the result is known to be the template's own or the caller's text, so that
/// a user's text never becomes a control token.
///
/// ```swift
/// guard let templates = try ModelFolder.chatTemplates(of: model) else { … }
/// let template = try templates.template(hasTools: false)
/// let chat = try template.render(template.prepared(messages), addGenerationPrompt: true)
/// // Encode chat.bytes; parse control tokens only outside chat.userText.
/// ```
public struct ChatTemplate: Sendable {
    /// Names that special tokens have in templates.
    public static let specialTokenNames = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// Longer templates are refused, in bytes; those of models have up to 30,000.
    public static let sizeLimit = 2 << 20

    /// The file's name, for messages.
    public let file: String

    /// The template's text.
    public let source: String

    /// Variables for the special tokens, such as `bos_token`; their text counts as the template's own.
    public var specialTokens: [String: String]

    /// The bounds of a rendering.
    public var limits = ChatTemplateLimits()

    /// Whether the template marks what the model writes, with `{% generation %}`.
    public let marksGeneration: Bool

    private let statements: [Statement]
    private let normalized: [UInt8]

    /// Parses a template.
    ///
    /// - Parameters:
    ///   - bytes: The template in UTF-8.
    ///   - file: The file's name, for messages.
    ///   - specialTokens: The model's special tokens by the names in ``specialTokenNames``.
    /// - Throws: ``ChatTemplateError`` for what is not valid or not supported, with line and column.
    public init(
        parsing bytes: [UInt8], file: String, specialTokens: [String: String] = [:]
    ) throws(ChatTemplateError) {
        guard bytes.count <= Self.sizeLimit else {
            throw .unreadable(file: file, reason: "it holds more than \(Self.sizeLimit) bytes")
        }
        guard let source = String(validating: bytes, as: UTF8.self) else {
            throw .unreadable(file: file, reason: "it is not UTF-8")
        }
        let normalized = TemplateLexer.normalized(bytes)
        do {
            statements = try DeepStack.run { try TemplateParser.parse(normalized) }
        } catch {
            throw Self.error(error, file: file, source: normalized)
        }
        (self.file, self.source, self.normalized, self.specialTokens) = (file, source, normalized, specialTokens)
        marksGeneration = statements.contains { $0.holdsGeneration }
    }

    /// Parses a template.
    ///
    /// - Throws: ``ChatTemplateError``.
    public init(
        parsing text: String, file: String, specialTokens: [String: String] = [:]
    ) throws(ChatTemplateError) {
        try self.init(parsing: Array(text.utf8), file: file, specialTokens: specialTokens)
    }

    /// Renders a conversation exactly as transformers' `apply_chat_template(tokenize=False)` does.
    ///
    /// As there, `null` values of a message count as absent, and reasoning is passed under all of its names. Contents in
    /// parts go to the template as they are; see ``prepared(_:)``.
    ///
    /// - Parameters:
    ///   - messages: The messages: objects with `role`, `content` and what else the template reads. At least one.
    ///   - addGenerationPrompt: Whether to end with what begins the model's answer.
    ///   - tools: JSON schemas of functions; nil and an empty list are different to some templates.
    ///   - documents: Documents for retrieval, as objects.
    ///   - variables: Further variables, such as `enable_thinking`; they hide special tokens of the same name.
    ///   - now: The time that `strftime_now` shows.
    /// - Throws: ``ChatTemplateError``.
    public func render(
        _ messages: [JSONValue], addGenerationPrompt: Bool = false, tools: [JSONValue]? = nil,
        documents: [JSONValue]? = nil, variables: JSONObject = JSONObject(),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(ChatTemplateError) -> RenderedChat {
        guard !messages.isEmpty else {
            throw .badMessage(index: 0, reason: "the conversation is empty; give at least one message")
        }
        return try render(
            any: messages, addGenerationPrompt: addGenerationPrompt, tools: tools, documents: documents,
            variables: variables, now: now)
    }

    /// As ``render(_:addGenerationPrompt:tools:documents:variables:now:)``, also of no messages.
    func render(
        any messages: [JSONValue], addGenerationPrompt: Bool, tools: [JSONValue]?, documents: [JSONValue]?,
        variables: JSONObject, now: @escaping @Sendable () -> Date
    ) throws(ChatTemplateError) -> RenderedChat {
        do {
            return try DeepStack.run {
                let interpreter = TemplateInterpreter(limits: limits, now: now)
                var values: [String: TemplateValue] = [:]
                for (name, token) in specialTokens { values[name] = .text(token) }
                for (name, value) in variables {
                    let isToken = Self.specialTokenNames.contains(name)
                    values[name] = try TemplateValue(value, marks: isToken ? [] : .user)
                }
                values["messages"] = .list(
                    try messages.enumerated().map { try ChatMessages.value(of: $1, index: $0) })
                values["tools"] = try tools.map { try TemplateValue(.array($0), marks: .user) } ?? .null
                values["documents"] = try documents.map { try TemplateValue(.array($0), marks: .user) } ?? .null
                values["add_generation_prompt"] = .bool(addGenerationPrompt)
                return RenderedChat(try interpreter.render(statements, values))
            }
        } catch {
            throw Self.error(error, file: file, source: normalized)
        }
    }

    private static func error(_ error: any Error, file: String, source: [UInt8]) -> ChatTemplateError {
        switch error {
        case let fault as TemplateFault: fault.error(file: file, source: source)
        case let error as ChatTemplateError: error
        default: .failed(file: file, line: 1, column: 1, reason: "\(error)")
        }
    }
}

/// A rendered conversation.
public struct RenderedChat: Sendable, Equatable {
    /// The text in UTF-8.
    public var bytes: [UInt8]

    /// The ranges of ``bytes`` that came from messages, tools or variables, sorted and disjoint. No control token may touch
    /// them.
    ///
    /// Everything else is the template's: its literals, special tokens, the time, numbers, and the roles that
    /// ``ChatMessages/roles`` lists, out of which templates build control tokens.
    public var userText: [Range<Int>]

    /// The ranges of ``bytes`` in `{% generation %}` blocks, sorted and disjoint; those that touch are one.
    public var generation: [Range<Int>]

    init(_ text: MarkedText) {
        bytes = text.bytes
        userText = text.ranges(with: .user)
        generation = text.ranges(with: .generation)
    }

    /// The text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension Statement {
    /// Whether a `{% generation %}` block is in it.
    var holdsGeneration: Bool {
        func any(_ statements: [Statement]) -> Bool { statements.contains { $0.holdsGeneration } }
        return switch self {
        case .generation: true
        case .text, .output, .set, .break, .continue: false
        case .setBlock(_, _, let body, _), .filter(_, let body, _), .with(_, let body, _): any(body)
        case .conditional(let branches, let otherwise): branches.contains { any($0.body) } || any(otherwise)
        case .loop(let loop): any(loop.body) || any(loop.otherwise)
        case .macro(let macro), .call(_, let macro, _): any(macro.body)
        }
    }
}
