/// What can be wrong with a recipe; `place` is the file with the line, or the option, that gave the value.
public enum RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text cannot be used at all.
    case unreadable(place: String, reason: String)
    /// A key that no recipe has.
    case unknownKey(place: String, key: String, suggestion: String?)
    /// A value of the wrong type.
    case wrongType(place: String, key: String, found: String, expected: String)
    /// A value out of range, or one that contradicts another.
    case invalidValue(place: String = "recipe", key: String, reason: String)
    /// A value that is meant for a later version.
    case unsupported(place: String, key: String, value: String)

    /// What is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let place, let reason): "\(place): \(reason)"
        case .unknownKey(let place, let key, let suggestion):
            "\(place): \(key): unknown key" + (suggestion.map { "; did you mean '\($0)'?" } ?? "")
        case .wrongType(let place, let key, let found, let expected):
            "\(place): \(key): expected \(expected), found \(found)"
        case .invalidValue(let place, let key, let reason): "\(place): \(key): \(reason)"
        case .unsupported(let place, let key, let value): "\(place): \(key): '\(value)' is not supported yet"
        }
    }
}
