/// What breaks the rules of JSON (RFC 8259, read strictly) at one place of a text.
public enum JSONProblem: Sendable, Equatable, CustomStringConvertible {
    /// The grammar asks for one thing and the text holds another.
    case expected(String, found: String)
    /// A string without its closing quote.
    case unterminatedString
    /// A control character inside a string, where only an escape may stand for it.
    case controlCharacter(UInt8)
    /// A backslash followed by something that is no escape.
    case invalidEscape
    /// A `\u` escape that is half of a surrogate pair.
    case loneSurrogate
    /// A string whose bytes are not UTF-8.
    case notUTF8
    /// A number that no 64-bit integer (or, with a fraction or exponent, no finite double) holds.
    case numberOutOfRange(String)
    /// A number of more digits than anything sensible has.
    case numberTooLong(limit: Int)
    /// Arrays and objects nested deeper than allowed.
    case tooDeep(limit: Int)
    /// The same key twice in one object.
    case duplicateKey(String)

    /// The problem as the second half of a sentence.
    public var description: String {
        switch self {
        case .expected(let expected, let found): "expected \(expected), found \(found)"
        case .unterminatedString: "a string is not closed"
        case .controlCharacter(let byte):
            "a string holds the control character 0x\(String(byte, radix: 16)); write it as an escape"
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

/// A ``JSONProblem`` and the byte it was found at; readers turn it into an error that names their file.
package struct JSONFault: Error, Sendable, Equatable {
    package let offset: Int
    package let problem: JSONProblem

    package init(offset: Int, problem: JSONProblem) {
        self.offset = offset
        self.problem = problem
    }
}
