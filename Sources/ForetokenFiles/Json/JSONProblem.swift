/// A violation of the JSON grammar (RFC 8259, strict).
public enum JSONProblem: Sendable, Equatable, CustomStringConvertible {
    /// The grammar requires one thing and the text has another.
    case expected(String, found: String)
    /// A string without its closing quote.
    case unterminatedString
    /// An unescaped control character inside a string.
    case controlCharacter(UInt8)
    /// A backslash that does not begin a valid escape.
    case invalidEscape
    /// A `\u` escape that is half of a surrogate pair.
    case loneSurrogate
    /// A string whose bytes are not UTF-8.
    case notUTF8
    /// A number that does not fit a 64-bit integer (or, with a fraction or exponent, a finite double).
    case numberOutOfRange(String)
    /// A number with too many characters.
    case numberTooLong(limit: Int)
    /// Arrays and objects nested deeper than allowed.
    case tooDeep(limit: Int)
    /// The same key twice in one object.
    case duplicateKey(String)

    /// The problem, as the second half of an error message.
    public var description: String {
        switch self {
        case .expected(let expected, let found): "expected \(expected), found \(found)"
        case .unterminatedString: "a string is not closed"
        case .controlCharacter(let byte):
            "a string contains the control character 0x\(String(byte, radix: 16)); write it as an escape"
        case .invalidEscape: "a backslash is not followed by a valid escape"
        case .loneSurrogate: "a \\u escape is half of a surrogate pair"
        case .notUTF8: "a string is not valid UTF-8"
        case .numberOutOfRange(let number): "the number \(number.quotedForMessage(limit: 40)) is out of range"
        case .numberTooLong(let limit): "a number is longer than \(limit) characters"
        case .tooDeep(let limit): "arrays and objects are nested deeper than \(limit) levels"
        case .duplicateKey(let key): "the key \(key.quotedForMessage()) appears twice in one object"
        }
    }
}

/// A ``JSONProblem`` and its byte offset; readers turn it into an error that names their file.
package struct JSONFault: Error, Sendable, Equatable {
    package let offset: Int
    package let problem: JSONProblem

    package init(offset: Int, problem: JSONProblem) {
        self.offset = offset
        self.problem = problem
    }
}
