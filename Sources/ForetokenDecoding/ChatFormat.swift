public import ForetokenFiles
import ForetokenModel
public import ForetokenPlatform
public import ForetokenText

/// Conversations in the form that a model's chat template gives them.
///
/// ```swift
/// let chat = try ChatFormat(of: folder, tokenizer: model.tokenizer)
/// var request = model.request(tokens: try chat.tokens(of: messages), maximumTokens: 500)
/// request.stopTokens.formUnion(chat.turnEnds)
/// ```
///
/// Special tokens are recognised in the template's own text only: what a message says never becomes one.
public struct ChatFormat: Sendable {
    /// The templates by name.
    public let templates: ChatTemplates
    /// Special tokens that end an answer by the template; a model's configuration may not name them.
    public let turnEnds: Set<Int32>

    private let tokenizer: any Tokenizer

    /// Reads the templates of a model.
    ///
    /// - Parameters:
    ///   - model: a model's folder or file.
    ///   - tokenizer: its tokenizer.
    /// - Throws: ``DecodingError/noChatTemplate(model:)``; an error that names the file.
    public init(of model: URL, tokenizer: any Tokenizer) throws {
        guard let templates = try ModelFolder.chatTemplates(of: model) else {
            throw DecodingError.noChatTemplate(model: model.relativePath)
        }
        try self.init(templates, tokenizer: tokenizer)
    }

    /// Creates the format from templates.
    ///
    /// - Throws: `ChatTemplateError`.
    public init(_ templates: ChatTemplates, tokenizer: any Tokenizer) throws {
        (self.templates, self.tokenizer) = (templates, tokenizer)
        turnEnds = Self.turnEnds(try templates.template(hasTools: false), tokenizer)
    }

    /// Identifies the templates: equal for equal ones.
    public var digest: String {
        let sources = templates.sources.sorted { $0.key < $1.key }.flatMap { [Array($0.key.utf8), $0.value.bytes] }
        let tokens = templates.specialTokens.sorted { $0.key < $1.key }.map { Array("\($0.key)=\($0.value)".utf8) }
        return SHA256.hex(of: (sources + tokens).flatMap { Array("\($0.count) ".utf8) + $0 })
    }

    /// The tokens of a conversation up to where the model answers.
    ///
    /// - Parameters:
    ///   - messages: objects with `role`, `content` and what else the template reads.
    ///   - tools: JSON schemas of functions.
    ///   - variables: further variables of the template, such as `enable_thinking`.
    /// - Throws: `ChatTemplateError`; `TokenizerError.unencodable` for text that the vocabulary cannot spell.
    public func tokens(
        of messages: [JSONValue], tools: [JSONValue]? = nil, variables: JSONObject = JSONObject()
    ) throws -> [Int32] {
        let chat = try text(of: messages, tools: tools, variables: variables)
        try tokenizer.checkEncodable(chat.bytes)
        return tokenizer.encode(chat.bytes, specialTokens: .parsedOutside(chat.userText))
    }

    /// The text of a conversation, with the ranges of its bytes that messages say.
    ///
    /// Parameters as in ``tokens(of:tools:variables:)``.
    ///
    /// - Parameter addsGenerationPrompt: whether the text ends with what begins the model's answer.
    /// - Throws: `ChatTemplateError`.
    package func text(
        of messages: [JSONValue], tools: [JSONValue]? = nil, variables: JSONObject = JSONObject(),
        addsGenerationPrompt: Bool = true
    ) throws -> RenderedChat {
        let template = try templates.template(hasTools: tools?.isEmpty == false)
        return try template.render(
            template.prepared(messages), addGenerationPrompt: addsGenerationPrompt, tools: tools, variables: variables)
    }

    /// The special tokens that begin what the template puts after an answer.
    private static func turnEnds(_ template: ChatTemplate, _ tokenizer: any Tokenizer) -> Set<Int32> {
        let answer = "an answer"
        guard
            let chat = try? template.render([
                ["role": "user", "content": "a question"], ["role": "assistant", "content": .string(answer)],
            ]),
            let end = chat.userText.last(where: { chat.bytes[$0].suffix(answer.utf8.count).elementsEqual(answer.utf8) })
        else { return [] }
        let after = tokenizer.encode(Array(chat.bytes[end.upperBound...]), specialTokens: .parsed)
        guard let first = after.first, tokenizer.specialTokenName(first) != nil else { return [] }
        return [first]
    }
}

/// A message of a conversation.
public struct ChatMessage: Sendable, Equatable {
    /// Who says it: `system`, `user`, `assistant`.
    public var role: String
    /// What it says.
    public var content: String

    /// Creates a message.
    public init(role: String, content: String) { (self.role, self.content) = (role, content) }

    /// The object that templates read.
    public var json: JSONValue { ["role": .string(role), "content": .string(content)] }
}
