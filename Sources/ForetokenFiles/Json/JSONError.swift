/// An error in reading or writing a JSON file; each message names the file and the location in it.
public enum JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be opened, is not a regular file, or is larger than allowed.
    case cannotRead(file: String, reason: String)
    /// The file cannot be written; `action` is the failed action.
    case cannotWrite(file: String, action: String, reason: String)
    /// The text is not JSON; line and column (in bytes) count from one.
    case malformed(file: String, line: Int, column: Int, problem: JSONProblem)
    /// A required key is missing.
    case missing(file: String, path: String, expected: String)
    /// A value has an unexpected type.
    case wrongType(file: String, path: String, expected: String, found: String)
    /// A number is out of range.
    case outOfRange(file: String, path: String, value: String, allowed: String)
    /// NaN or infinity cannot be written.
    case notFinite(path: String, value: String)

    /// The message.
    public var description: String {
        switch self {
        case .cannotRead(let file, let reason):
            "\(file): cannot read it: \(reason)"
        case .cannotWrite(let file, let action, let reason):
            "\(file): cannot \(action) it: \(reason); any existing file of this name is unchanged"
        case .malformed(let file, let line, let column, let problem):
            "\(file):\(line):\(column): not valid JSON: \(problem)"
        case .missing(let file, let path, let expected):
            "\(location(file, path)): missing; expected \(expected)"
        case .wrongType(let file, let path, let expected, let found):
            "\(location(file, path)): expected \(expected), found \(found)"
        case .outOfRange(let file, let path, let value, let allowed):
            "\(location(file, path)): \(value) is out of range; allowed is \(allowed)"
        case .notFinite(let path, let value):
            "cannot write \(value) as JSON\(path.isEmpty ? "" : " at \(path)"): JSON has no such number; write null"
        }
    }

    private func location(_ file: String, _ path: String) -> String {
        path.isEmpty ? file : "\(file): \(path.shortenedForMessage(limit: 200))"
    }
}
