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
/// Chats are formatted as ChatML, `<|im_start|>role\n…<|im_end|>\n` per message; the targets are the contents of assistant
/// messages with their `<|im_end|>`. Other keys are ignored.
public struct SupervisedExamples: Sendable {
    private static let sizeLimit = 4 << 30

    /// The examples in the file's order.
    public private(set) var examples: [SupervisedExample] = []

    /// Reads a file.
    ///
    /// `masksPrompts`: whether prompts, and messages other than the assistant's, are excluded from the targets.
    /// - Throws: ``SupervisedError``, with the line.
    public init(contentsOf url: URL, tokenizer: any Tokenizer, masksPrompts: Bool) throws {
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
                    examples.append(try Self.example(node, tokenizer, masksPrompts))
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

    private static func example(
        _ node: JSONNode, _ tokenizer: any Tokenizer, _ masksPrompts: Bool
    ) throws -> SupervisedExample {
        var example = SupervisedExample(tokens: [], isTarget: [])
        func add(_ tokens: [Int32], isTarget: Bool) {
            example.tokens += tokens
            example.isTarget += [Bool](repeating: isTarget || !masksPrompts, count: tokens.count)
        }
        add([tokenizer.beginningOfText].compactMap(\.self), isTarget: false)
        if let messages = try node["messages"].ifPresent {
            for message in try messages.array() {
                let role = try message["role"].string()
                let isAnswer = role == "assistant"
                add(tokenizer.encode("<|im_start|>\(role)\n"), isTarget: false)
                add(tokenizer.encode("\(try message["content"].string())<|im_end|>"), isTarget: isAnswer)
                add(tokenizer.encode("\n"), isTarget: false)
            }
        } else {
            add(tokenizer.encode(try node["prompt"].string()), isTarget: false)
            add(tokenizer.encode(try node["completion"].string()), isTarget: true)
        }
        add([tokenizer.endOfText].compactMap(\.self), isTarget: true)
        return example
    }
}
