public import ForetokenFiles
public import ForetokenPlatform

/// A conversation as training data.
public struct SupervisedChat: Sendable, Equatable {
    /// The whole conversation.
    public var rendered: RenderedChat

    /// What the model should learn, in order; disjoint.
    public var learnt: [Span]

    /// The bytes that one assistant message is learnt from.
    public struct Span: Sendable, Equatable {
        /// The message's index.
        public var message: Int
        /// The range of the rendered bytes, the end of the turn included.
        public var range: Range<Int>
    }
}

extension ChatTemplate {
    /// Keys of a message that say whether it is learnt; they are not passed to the template.
    private static let weightKeys = ["weight", "loss_mask", "train"]

    /// Renders a conversation as training data, with what should be learnt from each assistant message.
    ///
    /// If the template marks what the model writes with `{% generation %}`, that is learnt. Otherwise it is what lies between
    /// the rendering of the messages before with a generation prompt and that of the messages up to this one; the template is
    /// refused unless the first begins the second and the second begins the whole.
    ///
    /// A message with `weight`, `loss_mask` or `train` of 0 or false is rendered and not learnt.
    ///
    /// - Parameters:
    ///   - messages: As for ``render(_:addGenerationPrompt:tools:documents:variables:now:)``; prepared if they have parts.
    ///   - tools: JSON schemas of functions.
    ///   - variables: Further variables.
    ///   - now: The time that `strftime_now` shows; one value should do for a whole data set.
    /// - Throws: ``ChatTemplateError``; ``ChatTemplateError/notPrefixStable(file:message:reason:)`` for such templates.
    public func supervised(
        _ messages: [JSONValue], tools: [JSONValue]? = nil, variables: JSONObject = JSONObject(),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(ChatTemplateError) -> SupervisedChat {
        var plain: [JSONValue] = []
        var answers: [(index: Int, isLearnt: Bool)] = []
        for (index, message) in messages.enumerated() {
            let (message, isLearnt) = try Self.splitWeight(message, index: index)
            if let isLearnt { answers.append((index, isLearnt)) }
            plain.append(message)
        }
        let rendered = try render(plain, tools: tools, variables: variables, now: now)
        if marksGeneration {
            let spans = try Self.spans(rendered.generation, answers, file: file)
            return SupervisedChat(rendered: rendered, learnt: spans)
        }
        var spans: [SupervisedChat.Span] = []
        for answer in answers where answer.isLearnt {
            let (index, fault) = (
                answer.index,
                { (reason: String) in
                    ChatTemplateError.notPrefixStable(file: file, message: answer.index, reason: reason)
                }
            )
            func prefix(_ count: Int, _ prompt: Bool) throws(ChatTemplateError) -> [UInt8] {
                do throws(ChatTemplateError) {
                    return try render(
                        any: Array(plain[..<count]), addGenerationPrompt: prompt, tools: tools, documents: nil,
                        variables: variables, now: now
                    ).bytes
                } catch {
                    throw fault("the template cannot render the first \(count) messages alone (\(error))")
                }
            }
            let (before, after) = (try prefix(index, true), try prefix(index + 1, false))
            guard after.starts(with: before) else {
                throw fault("the rendering of the messages before it, with a generation prompt, does not begin its own")
            }
            guard rendered.bytes.starts(with: after) else {
                throw fault("it is rendered in another way once messages follow")
            }
            spans.append(SupervisedChat.Span(message: index, range: before.count..<after.count))
        }
        return SupervisedChat(rendered: rendered, learnt: spans)
    }

    /// The marked spans with their messages: one for each assistant message, in order.
    private static func spans(
        _ ranges: [Range<Int>], _ answers: [(index: Int, isLearnt: Bool)], file: String
    ) throws(ChatTemplateError) -> [SupervisedChat.Span] {
        guard ranges.count == answers.count else {
            throw .notPrefixStable(
                file: file, message: answers.first?.index ?? 0,
                reason: "{% generation %} marks \(ranges.count) spans for \(answers.count) assistant messages")
        }
        return zip(answers, ranges).filter(\.0.isLearnt).map { SupervisedChat.Span(message: $0.index, range: $1) }
    }

    /// A message without the keys for its weight, and whether it is learnt; nil if it is not the assistant's.
    private static func splitWeight(
        _ message: JSONValue, index: Int
    ) throws(ChatTemplateError) -> (JSONValue, isLearnt: Bool?) {
        guard case .object(var object) = message else {
            throw .badMessage(index: index, reason: "expected an object, found \(message.kind)")
        }
        var isLearnt: Bool?
        for key in weightKeys {
            guard let value = object[key] else { continue }
            let found: Bool
            switch value {
            case .null: continue
            case .bool(let value): found = value
            case .integer(0), .number(0): found = false
            case .integer(1), .number(1): found = true
            default: throw .badMessage(index: index, reason: "'\(key)' must be 0, 1, true or false")
            }
            guard isLearnt == nil || isLearnt == found else {
                throw .badMessage(index: index, reason: "its keys \(weightKeys.joined(separator: ", ")) contradict")
            }
            isLearnt = found
        }
        for key in weightKeys { object[key] = nil }
        guard object["role"] == "assistant" else {
            guard isLearnt != true else {
                throw .badMessage(index: index, reason: "only messages of the assistant can be learnt; drop its weight")
            }
            return (.object(object), nil)
        }
        return (.object(object), isLearnt ?? true)
    }
}
