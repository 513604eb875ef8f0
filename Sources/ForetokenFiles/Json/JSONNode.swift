public import ForetokenPlatform

/// A location in a JSON file: its value, if any, with the file name and key path for error messages.
///
/// ```swift
/// let config = try JSONNode(contentsOf: folder.appending(path: "config.json"))
/// let layers = try config["num_hidden_layers"].integer(in: 1...10_000)
/// let theta = try config["rope_theta"].ifPresent?.double() ?? 10_000
/// let factor = try config["rope_scaling"].ifPresent?["factor"].double()
/// ```
public struct JSONNode: Sendable {
    /// The value, or nil if the file has none here.
    public let value: JSONValue?

    /// The file name for error messages.
    public let file: String

    /// The key path: `rope_scaling.factor`, `layers[3].name`; empty for the root.
    public let path: String

    /// Reads a JSON file.
    ///
    /// - Throws: ``JSONError``.
    public init(contentsOf url: URL) throws {
        self.init(try JSONValue(contentsOf: url), file: url.relativePath)
    }

    /// Wraps an existing value.
    public init(_ value: JSONValue?, file: String, path: String = "") {
        self.value = value
        self.file = file
        self.path = path
    }

    /// This node, or nil if the value is missing or `null`.
    public var ifPresent: JSONNode? {
        switch value {
        case nil, .null: nil
        default: self
        }
    }

    /// The node of a key, which may be missing; throws if this value is not an object.
    public subscript(key: String) -> JSONNode {
        get throws {
            guard value != nil else { return JSONNode(nil, file: file, path: Self.join(path, key)) }
            return JSONNode(try object()[key], file: file, path: Self.join(path, key))
        }
    }

    /// The value as an object.
    public func object() throws -> JSONObject {
        guard case .object(let object) = value else { throw wrongType("an object") }
        return object
    }

    /// The nodes of an array's elements.
    public func array() throws -> [JSONNode] {
        guard case .array(let elements) = value else { throw wrongType("an array") }
        return elements.enumerated().map { index, element in
            JSONNode(element, file: file, path: "\(path)[\(index)]")
        }
    }

    /// The value as a string.
    public func string() throws -> String {
        guard case .string(let string) = value else { throw wrongType("a string") }
        return string
    }

    /// The value as a boolean.
    public func bool() throws -> Bool {
        guard case .bool(let bool) = value else { throw wrongType("a boolean") }
        return bool
    }

    /// The value as an integer; `4.0` is not one.
    public func integer() throws -> Int {
        guard case .integer(let integer) = value else { throw wrongType("an integer") }
        return integer
    }

    /// The value as an integer within a range.
    public func integer(in range: ClosedRange<Int>) throws -> Int {
        let integer = try integer()
        guard range.contains(integer) else {
            throw JSONError.outOfRange(
                file: file, path: path, value: String(integer),
                allowed: range.upperBound == .max
                    ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// The value as a number; integers are converted.
    public func double() throws -> Double {
        switch value {
        case .number(let number): return number
        case .integer(let integer): return Double(integer)
        default: throw wrongType("a number")
        }
    }

    /// The value as a number within a range.
    public func double(in range: ClosedRange<Double>) throws -> Double {
        let number = try double()
        guard range.contains(number) else {
            throw JSONError.outOfRange(
                file: file, path: path, value: number.description,
                allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Whether the value is an object that has all of these keys with these values.
    package func has(_ object: JSONObject) -> Bool {
        guard case .object(let own) = value else { return false }
        return object.allSatisfy { own[$0.key] == $0.value }
    }

    /// The error for an unexpected value, for callers with further checks.
    public func wrongType(_ expected: String) -> JSONError {
        guard let value else { return .missing(file: file, path: path, expected: expected) }
        let found =
            switch value {
            // The value itself is more helpful: 4.0 or 1e+30 instead of an integer.
            case .number(let number): "the number \(number)"
            default: value.kind
            }
        return .wrongType(file: file, path: path, expected: expected, found: found)
    }

    package static func join(_ path: String, _ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }
}
