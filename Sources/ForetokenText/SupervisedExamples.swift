import ForetokenFiles
public import ForetokenPlatform

/// What can be wrong with a file of examples.
public enum SupervisedError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It cannot be read.
    case unreadable(file: String, reason: String)
    /// A line is no example.
    case badLine(file: String, line: Int, reason: String)
    /// No line has anything to learn.
    case empty(file: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): \(reason)"
        case .badLine(let file, let line, let reason):
            "\(file):\(line): \(reason); a line is {\"prompt\": …, \"completion\": …} or "
                + "{\"messages\": [{\"role\": …, \"content\": …}, …]}"
        case .empty(let file): "\(file): holds nothing to learn: no completion and no answer of an assistant"
        }
    }
}

/// A text whose parts are to be learnt or only read.
public struct SupervisedExample: Sendable, Equatable {
    /// Its tokens, with the special ones at both ends.
    public var tokens: [Int32]
    /// Whether each may be a target.
    public var isTarget: [Bool]
}

/// Examples from a JSONL file: `prompt` and `completion`, as `foretoken generate --prompts` writes them, or chat `messages`.
///
/// Chats become ChatML, `<|im_start|>role\n…<|im_end|>\n` for each message, of which the assistants' contents with their
/// `<|im_end|>` are to be learnt. Other keys of a line are passed over.
public struct SupervisedExamples: Sendable {
    private static let sizeLimit = 4 << 30

    /// The examples in the file's order.
    public private(set) var examples: [SupervisedExample] = []

    /// Reads a file.
    ///
    /// `masksPrompts`: whether prompts, and messages that are not an assistant's, are only read.
    /// - Throws: ``SupervisedError``, naming the line.
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
