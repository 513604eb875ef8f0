import ForetokenFiles

/// An error in reading or rendering a chat template.
///
/// Lines and columns count from one; columns count bytes.
public enum ChatTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The template's file cannot be read.
    case unreadable(file: String, reason: String)
    /// The template breaks Jinja's grammar.
    case syntax(file: String, line: Int, column: Int, problem: String)
    /// The template uses a part of Jinja that chat templates do not need; `feature` names it.
    case unsupported(file: String, line: Int, column: Int, feature: String)
    /// An operation that Jinja or Python refuses too.
    case failed(file: String, line: Int, column: Int, reason: String)
    /// The template itself rejected the conversation, with `raise_exception`.
    case raised(file: String, message: String)
    /// Rendering took more time, memory, output or nesting than allowed.
    case limit(file: String, line: Int, column: Int, what: String)
    /// A message that templates cannot render; the index counts from zero.
    case badMessage(index: Int, reason: String)
    /// The template does not render a conversation as an extension of its beginning.
    case notPrefixStable(file: String, message: Int, reason: String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot read the chat template: \(reason)"
        case .syntax(let file, let line, let column, let problem):
            "\(file):\(line):\(column): not a valid template: \(problem)"
        case .unsupported(let file, let line, let column, let feature):
            "\(file):\(line):\(column): \(feature) is not supported in chat templates; rewrite the template without it"
        case .failed(let file, let line, let column, let reason):
            "\(file):\(line):\(column): the template fails on this conversation: \(reason)"
        case .raised(let file, let message):
            "\(file): the template rejects this conversation: \(message.shortenedForMessage(limit: 500))"
        case .limit(let file, let line, let column, let what):
            "\(file):\(line):\(column): rendering stopped: \(what)"
        case .badMessage(let index, let reason):
            "messages[\(index)]: \(reason)"
        case .notPrefixStable(let file, let message, let reason):
            "\(file): cannot tell what the model should learn from messages[\(message)]: \(reason); use a template that "
                + "renders each turn the same whatever follows it, or that marks answers with {% generation %}"
        }
    }
}

/// What went wrong at a byte offset of a template; the caller adds file, line and column.
struct TemplateFault: Error {
    enum Kind {
        case syntax
        case unsupported
        case failed
        case limit
        case raised
    }

    var kind: Kind
    var reason: String
    /// Nil until the innermost syntax node with a position passes it on.
    var offset: Int?

    static func syntax(_ reason: String, at offset: Int) -> TemplateFault {
        TemplateFault(kind: .syntax, reason: reason, offset: offset)
    }

    static func unsupported(_ feature: String, at offset: Int? = nil) -> TemplateFault {
        TemplateFault(kind: .unsupported, reason: feature, offset: offset)
    }

    static func failed(_ reason: String, at offset: Int? = nil) -> TemplateFault {
        TemplateFault(kind: .failed, reason: reason, offset: offset)
    }

    static func limit(_ reason: String, at offset: Int? = nil) -> TemplateFault {
        TemplateFault(kind: .limit, reason: reason, offset: offset)
    }

    static func raised(_ message: String) -> TemplateFault {
        TemplateFault(kind: .raised, reason: message)
    }

    func located(at offset: Int) -> TemplateFault {
        var result = self
        result.offset = self.offset ?? offset
        return result
    }

    /// The public error, with the position in `source`.
    func error(file: String, source: [UInt8]) -> ChatTemplateError {
        let before = source[..<min(offset ?? 0, source.count)]
        let start = (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        let (line, column) = (before.count { $0 == UInt8(ascii: "\n") } + 1, before.count - start + 1)
        return switch kind {
        case .syntax: .syntax(file: file, line: line, column: column, problem: reason)
        case .unsupported: .unsupported(file: file, line: line, column: column, feature: reason)
        case .failed: .failed(file: file, line: line, column: column, reason: reason)
        case .limit: .limit(file: file, line: line, column: column, what: reason)
        case .raised: .raised(file: file, message: reason)
        }
    }
}
