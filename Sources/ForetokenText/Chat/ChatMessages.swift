public import ForetokenFiles

/// Messages as templates expect them.
public enum ChatMessages {
    /// Roles whose names count as the template's own text, since templates build control tokens of them (`<|user|>`). Any
    /// other role is the caller's text.
    public static let roles: Set<String> = [
        "system", "user", "assistant", "tool", "developer", "function", "ipython", "model", "observation",
        "environment",
        "root", "tool_response", "tool_results",
    ]

    /// Names of a message's reasoning; the first is the one that most templates read.
    private static let reasoningNames = ["reasoning_content", "thinking", "reasoning"]

    /// A message as transformers passes it: without nulls, and with reasoning under all of its names.
    static func value(of message: JSONValue, index: Int) throws -> TemplateValue {
        guard case .object(let object) = message else {
            throw ChatTemplateError.badMessage(index: index, reason: "expected an object, found \(message.kind)")
        }
        var entries = JSONObject()
        let given = object.filter { $0.value != .null }
        let reasoning = reasoningNames.lazy.compactMap { name in given.first { $0.key == name }?.value }.first
        if let reasoning { entries["thinking"] = reasoning }
        for (key, value) in given { entries[key] = value }
        if let reasoning { entries["reasoning_content"] = reasoning }
        let values = try entries.map { key, value in
            var marks = MarkedText.Marks.user
            if key == "role", case .string(let role) = value, roles.contains(role) { marks = [] }
            return (TemplateValue.text(MarkedText(key, marks: .user)), try TemplateValue(value, marks: marks))
        }
        return .dictionary(try TemplateDictionary(values))
    }

    /// The text of a message's content, of its parts if it has such; nil if it has none.
    ///
    /// - Throws: ``ChatTemplateError/badMessage(index:reason:)`` for parts other than text.
    static func texts(of message: JSONValue, index: Int) throws(ChatTemplateError) -> [String]? {
        guard case .object(let object) = message else {
            throw .badMessage(index: index, reason: "expected an object, found \(message.kind)")
        }
        guard case .string? = object["role"] else {
            throw .badMessage(index: index, reason: "expected a string for 'role'")
        }
        switch object["content"] {
        case nil, .null?: return nil
        case .string(let text)?: return [text]
        case .array(let parts)?:
            var texts: [String] = []
            for (number, part) in parts.enumerated() {
                let path = "content[\(number)]"
                guard case .object(let part) = part, case .string(let kind)? = part["type"] else {
                    throw .badMessage(
                        index: index, reason: "\(path): expected a part like {\"type\": \"text\", \"text\": …}")
                }
                guard kind == "text" else {
                    throw .badMessage(
                        index: index,
                        reason: "\(path): parts of type \(kind.quotedForMessage()) are not supported; only text is")
                }
                guard case .string(let text)? = part["text"] else {
                    throw .badMessage(index: index, reason: "\(path): expected a string for 'text'")
                }
                texts.append(text)
            }
            return texts
        case let other?:
            throw .badMessage(
                index: index, reason: "content: expected a string, null or a list of parts, found \(other.kind)")
        }
    }
}

extension ChatTemplate {
    /// Checks messages and brings contents in parts into a form that this template renders.
    ///
    /// A template that reads parts gets them unchanged; for others the texts of the parts are joined by line feeds. A content
    /// of `null` stays and counts as absent.
    ///
    /// - Throws: ``ChatTemplateError/badMessage(index:reason:)`` for images and other parts than text.
    public func prepared(_ messages: [JSONValue]) throws(ChatTemplateError) -> [JSONValue] {
        var handlesParts: Bool?
        var result: [JSONValue] = []
        for (index, message) in messages.enumerated() {
            let texts = try ChatMessages.texts(of: message, index: index)
            guard case .object(var object) = message, case .array? = object["content"], let texts else {
                result.append(message)
                continue
            }
            let handles = handlesParts ?? self.handlesParts
            handlesParts = handles
            if !handles { object["content"] = .string(texts.joined(separator: "\n")) }
            result.append(.object(object))
        }
        return result
    }

    /// Whether a message of one text part renders as one with the same text.
    var handlesParts: Bool {
        let probe = "probe-of-parts"
        func rendered(_ content: JSONValue) -> RenderedChat? {
            try? render([["role": "user", "content": content]], addGenerationPrompt: true)
        }
        guard let parts = rendered([["type": "text", "text": .string(probe)]]),
            let plain = rendered(.string(probe))
        else { return false }
        return parts.bytes == plain.bytes
    }
}
