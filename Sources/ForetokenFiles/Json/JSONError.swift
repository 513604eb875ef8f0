/// What can go wrong with a JSON file; each sentence names the file and the place in it.
public enum JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be opened, is not a regular file, or is larger than allowed.
    case cannotRead(file: String, reason: String)
    /// The file cannot be written; `action` is what failed.
    case cannotWrite(file: String, action: String, reason: String)
    /// The text is not JSON; line and column (in bytes) count from one.
    case malformed(file: String, line: Int, column: Int, problem: JSONProblem)
    /// A key that must be there is not.
    case missing(file: String, path: String, expected: String)
    /// A value of another type than asked for.
    case wrongType(file: String, path: String, expected: String, found: String)
    /// A number outside of what is allowed.
    case outOfRange(file: String, path: String, value: String, allowed: String)
    /// A NaN or infinity that was to be written.
    case notFinite(path: String, value: String)

    /// The sentence shown to a person.
    public var description: String {
        switch self {
        case .cannotRead(let file, let reason):
            "\(file): cannot read it: \(reason)"
        case .cannotWrite(let file, let action, let reason):
            "\(file): cannot \(action) it: \(reason); nothing was left under this name that was not there before"
        case .malformed(let file, let line, let column, let problem):
            "\(file):\(line):\(column): not valid JSON: \(problem)"
        case .missing(let file, let path, let expected):
            "\(place(file, path)): missing; expected \(expected)"
        case .wrongType(let file, let path, let expected, let found):
            "\(place(file, path)): expected \(expected), found \(found)"
        case .outOfRange(let file, let path, let value, let allowed):
            "\(place(file, path)): \(value) is out of range; allowed is \(allowed)"
        case .notFinite(let path, let value):
            "cannot write \(value) as JSON\(path.isEmpty ? "" : " at \(path)"): JSON has no such number; write null"
        }
    }

    private func place(_ file: String, _ path: String) -> String {
        path.isEmpty ? file : "\(file): \(path.shortenedForMessage(limit: 200))"
    }
}
