/// What can be wrong with a recipe.
public enum RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be used at all.
    case unreadable(file: String, reason: String)
    /// A key that no recipe has.
    case unknownKey(place: String, key: String, suggestion: String?)
    /// A value of the wrong type.
    case wrongType(place: String, key: String, found: String, expected: String)
    /// A value that makes no training run.
    case impossible(key: String, reason: String)
    /// A value that is meant for a later version.
    case unsupported(key: String, value: String)

    /// What is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): \(reason)"
        case .unknownKey(let place, let key, let suggestion):
            "\(place): \(key): unknown key" + (suggestion.map { "; did you mean '\($0)'?" } ?? "")
        case .wrongType(let place, let key, let found, let expected):
            "\(place): \(key): expected \(expected), found \(found)"
        case .impossible(let key, let reason): "recipe: \(key): \(reason)"
        case .unsupported(let key, let value): "recipe: \(key): '\(value)' is not supported yet"
        }
    }
}
