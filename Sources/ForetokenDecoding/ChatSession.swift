public import ForetokenFiles
import ForetokenModel
import ForetokenText

/// A conversation with a model: its messages, and the answers as they are decoded.
///
/// Every answer is a request with the whole conversation; the engine's prefix cache keeps what has been computed.
public final class ChatSession {
    /// The conversation so far; it ends with a message that waits for its answer, or with an answer.
    public private(set) var messages: [JSONValue] = []

    private let model: LanguageModel
    private let format: ChatFormat
    private let variables: JSONObject
    private let maximumTokens: Int?
    private let heads: Int?
    private var sampler: Sampler

    /// Begins a conversation.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - format: its chat template.
    ///   - system: a system message; none if nil.
    ///   - variables: further variables of the template.
    ///   - maximumTokens: the maximum number of tokens of an answer; the rest of the context if nil.
    ///   - heads: the number of heads; 1 is next-token decoding. If nil, the draft length is adaptive.
    ///   - sampler: the sampling settings.
    public init(
        _ model: LanguageModel, _ format: ChatFormat, system: String? = nil, variables: JSONObject = JSONObject(),
        maximumTokens: Int? = nil, heads: Int? = nil, sampler: Sampler = Sampler()
    ) {
        (self.model, self.format, self.variables) = (model, format, variables)
        (self.maximumTokens, self.heads, self.sampler) = (maximumTokens, heads, sampler)
        if let system { setSystem(system) }
    }

    /// Begins a new conversation with the same system message.
    public func clear() { messages = messages.filter { $0.role == "system" } }

    /// Begins a new conversation with a system message; none if it is empty.
    public func setSystem(_ text: String) {
        messages = text.isEmpty ? [] : [ChatMessage(role: "system", content: text).json]
    }

    /// Adds a message of the user; one that waits for an answer is replaced.
    public func say(_ text: String) {
        if messages.last?.role == "user" { messages.removeLast() }
        messages.append(ChatMessage(role: "user", content: text).json)
    }

    /// Removes the last answer, so that the next one is drawn with another seed.
    ///
    /// - Returns: whether there was one.
    public func takeBackAnswer() -> Bool {
        guard messages.last?.role == "assistant" else { return false }
        messages.removeLast()
        sampler.seed &+= 1
        return true
    }

    /// Decodes the answer to the last message and adds it to the conversation, also if `body` ends it early.
    ///
    /// - Parameter body: called with every block of text; returning false ends the answer.
    /// - Returns: the answer's statistics.
    /// - Throws: `ChatTemplateError`, ``DecodingError``; what `body` throws. Without an answer, the message is taken back.
    @discardableResult
    public func answer(_ body: ([TextPiece]) throws -> Bool) async throws -> GenerationStatistics {
        do {
            let tokens = try format.tokens(of: messages, variables: variables)
            var request = model.request(
                tokens: tokens, maximumTokens: maximumTokens ?? model.configuration.contextLength, heads: heads,
                sampler: sampler)
            request.stopTokens.formUnion(format.turnEnds)
            let stream = try await model.engine.submit(request)
            var text = ""
            for try await pieces in stream {
                text += pieces.map(\.text).joined()
                if try !body(pieces) { break }
            }
            messages.append(ChatMessage(role: "assistant", content: text).json)
            return await stream.statistics
        } catch {
            if messages.last?.role == "user" { messages.removeLast() }
            throw error
        }
    }
}

extension JSONValue {
    fileprivate var role: String? {
        guard case .object(let object) = self, case .string(let role)? = object["role"] else { return nil }
        return role
    }
}
