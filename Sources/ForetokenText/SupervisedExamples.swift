import ForetokenFiles
public import ForetokenPlatform

/// An error in a file of supervised examples.
public enum SupervisedError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be read.
    case unreadable(file: String, reason: String)
    /// A malformed line; lines count from one.
    case badLine(file: String, line: Int, reason: String)
    /// The file contains no targets.
    case empty(file: String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): \(reason)"
        case .badLine(let file, let line, let reason):
            "\(file):\(line): \(reason); a line is {\"prompt\": …, \"completion\": …} or "
                + "{\"messages\": [{\"role\": …, \"content\": …}, …]}"
        case .empty(let file): "\(file): no training targets: no line has a completion or an assistant message"
        }
    }
}

/// A supervised example: tokens with a loss mask.
public struct SupervisedExample: Sendable, Equatable {
    /// The tokens, including beginning-of-text and end-of-text.
    public var tokens: [Int32]
    /// Whether each token is a target.
    public var isTarget: [Bool]
}

/// Supervised examples from a JSONL file: `prompt` and `completion`, as written by `foretoken generate --prompts`, or chat
/// `messages`.
///
/// Chats have the form of the model's chat template, or, without one, of ChatML: `<|im_start|>role\n…<|im_end|>\n` for each message.
/// The targets are what the template makes of assistant messages, the end of the turn included
/// (``ChatTemplate/supervised(_:tools:variables:now:)``); special tokens are recognised in the template's own text only. `tools` are
/// passed to the template; other keys are ignored.
public struct SupervisedExamples: Sendable {
    private static let sizeLimit = 4 << 30

    /// The examples in the file's order.
    public private(set) var examples: [SupervisedExample] = []

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - url: the file.
    ///   - tokenizer: the model's tokenizer.
    ///   - masksPrompts: whether prompts, and messages other than the assistant's, are excluded from the targets.
    ///   - templates: the model's chat templates; ChatML if nil.
    /// - Throws: ``SupervisedError``, with the line.
    public init(
        contentsOf url: URL, tokenizer: any Tokenizer, masksPrompts: Bool, templates: ChatTemplates? = nil
    ) throws {
        let encoder = ExampleEncoder(tokenizer: tokenizer, masksPrompts: masksPrompts, templates: templates)
        let file = url.relativePath
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url, limit: Self.sizeLimit)
        } catch {
            throw SupervisedError.unreadable(file: file, reason: "cannot \(error.action): \(error.reason)")
        }
        try withExtendedLifetime(mapping) {
            let bytes = mapping.bytes
            var (start, line) = (0, 0)
            while start < bytes.count {
                line += 1
                let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                start = end + 1
                if text.allSatisfy({ [0x20, 0x0D, 0x09].contains($0) }) { continue }
                do {
                    let node = JSONNode(try JSONValue(parsing: text, file: file), file: file)
                    examples.append(try encoder.example(node))
                } catch {
                    let reason = "\(error)"
                    throw SupervisedError.badLine(
                        file: file, line: line,
                        reason: reason.hasPrefix(file + ": ") ? String(reason.dropFirst(file.count + 2)) : reason)
                }
            }
        }
        guard examples.contains(where: { $0.isTarget.contains(true) }) else { throw SupervisedError.empty(file: file) }
    }
}

/// Makes tokens and targets of lines.
private final class ExampleEncoder {
    private let tokenizer: any Tokenizer
    private let masksPrompts: Bool
    private let templates: ChatTemplates?
    /// Parsed templates by whether there are tools.
    private var parsed: [Bool: ChatTemplate] = [:]
    /// The time that templates show, one for all examples.
    private let now = Date()

    init(tokenizer: any Tokenizer, masksPrompts: Bool, templates: ChatTemplates?) {
        (self.tokenizer, self.masksPrompts, self.templates) = (tokenizer, masksPrompts, templates)
    }

    func example(_ node: JSONNode) throws -> SupervisedExample {
        var example = SupervisedExample(tokens: [], isTarget: [])
        func add(_ tokens: [Int32], isTarget: Bool) {
            example.tokens += tokens
            example.isTarget += [Bool](repeating: isTarget || !masksPrompts, count: tokens.count)
        }
        let beginning = [tokenizer.beginningOfText].compactMap(\.self)
        let end = [tokenizer.endOfText].compactMap(\.self)
        guard let messages = try node["messages"].ifPresent else {
            add(beginning, isTarget: false)
            for (key, isTarget) in [("prompt", false), ("completion", true)] {
                let text = Array(try node[key].string().utf8)
                try tokenizer.checkEncodable(text)
                add(tokenizer.encode(text), isTarget: isTarget)
            }
            add(end, isTarget: true)
            return example
        }
        let tools = try node["tools"].ifPresent?.array().compactMap(\.value)
        let template = try template(hasTools: tools?.isEmpty == false)
        let chat = try template.supervised(
            template.prepared(messages.array().compactMap(\.value)), tools: tools, now: { [now] in now })
        let (tokens, isTarget) = try encode(chat)
        // A model's own template begins and ends texts itself.
        if templates == nil { add(beginning, isTarget: false) }
        example.tokens += tokens
        example.isTarget += isTarget.map { $0 || !masksPrompts }
        if templates == nil { add(end, isTarget: true) }
        return example
    }

    private func template(hasTools: Bool) throws -> ChatTemplate {
        if let known = parsed[hasTools] { return known }
        let template =
            try templates?.template(hasTools: hasTools) ?? ChatTemplate(parsing: Self.chatML, file: "ChatML")
        parsed[hasTools] = template
        return template
    }

    /// The tokens of a conversation. A learnt range begins where the tokens of the text before it, as decoding would have them,
    /// end; a token across its end is not learnt.
    private func encode(_ chat: SupervisedChat) throws -> (tokens: [Int32], isTarget: [Bool]) {
        let (bytes, content) = (chat.rendered.bytes, SpecialTokens.parsedOutside(chat.rendered.userText))
        try tokenizer.checkEncodable(bytes)
        let tokens = tokenizer.encode(bytes, specialTokens: content)
        var isTarget = [Bool](repeating: false, count: tokens.count)
        /// The number of tokens that the text up to an offset has in common with the whole.
        func common(_ end: Int) -> Int {
            if end == bytes.count { return tokens.count }
            return zip(tokenizer.encode(Array(bytes[..<end]), specialTokens: content), tokens).prefix { $0 == $1 }.count
        }
        for span in chat.learnt {
            let (start, end) = (common(span.range.lowerBound), common(span.range.upperBound))
            for index in start..<max(start, end) { isTarget[index] = true }
        }
        return (tokens, isTarget)
    }

    private static let chatML = """
        {%- for message in messages -%}
        {{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
        {%- endfor -%}
        {%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
        """
}
