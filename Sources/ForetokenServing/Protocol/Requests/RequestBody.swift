package import ForetokenFiles

/// The body of a request.
///
/// Its fields are a table: the body is checked against it, then read. Keys that are not in it are ignored.
package protocol RequestBody: Sendable, Equatable {
    /// The keys.
    static var fields: [Field] { get }
    /// Reads a body whose shape was checked.
    init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError)
}

extension RequestBody {
    /// Reads a body.
    package init(parsing bytes: [UInt8], _ limits: ModelLimits) throws(APIError) {
        try self.init(Self.parse(bytes), limits)
    }

    /// Parses a body.
    ///
    /// Half surrogate pairs, which editors send where they cut a text, become U+FFFD.
    package static func parse(_ bytes: [UInt8]) throws(APIError) -> JSONValue {
        do {
            return try bytes.withUnsafeBytes { try JSONValue.parsingSurrogates($0, file: "body").value }
        } catch {
            throw APIError(error, parameter: "")
        }
    }

    /// Reads a body that was parsed.
    package init(_ value: JSONValue, _ limits: ModelLimits) throws(APIError) {
        do throws(SchemaMismatch) {
            try Schema.object(Self.fields).check(value)
        } catch {
            throw error.error
        }
        guard case .object(let object) = value else { throw .invalid("The body must be an object.", parameter: nil) }
        try self.init(RequestValues(object), limits)
    }
}

/// What the served model allows.
package struct ModelLimits: Sendable, Equatable {
    /// V.
    package var vocabulary: Int
    /// The largest number of tokens of a prompt and its completion.
    package var contextLength: Int
    /// The number of prediction heads.
    package var heads: Int
    /// The tokens at which a text ends; `ignore_eos` rules them out.
    package var endTokens: Set<Int32>

    package init(vocabulary: Int, contextLength: Int, heads: Int, endTokens: Set<Int32>) {
        (self.vocabulary, self.contextLength, self.heads) = (vocabulary, contextLength, heads)
        self.endTokens = endTokens
    }

    /// Checks that a token is in the vocabulary.
    func token(_ token: Int, parameter: String) throws(APIError) -> Int32 {
        guard (0..<vocabulary).contains(token), let token = Int32(exactly: token) else {
            throw .invalid(
                "'\(parameter)' names token \(token), and the model's vocabulary has \(vocabulary) tokens.",
                parameter: parameter)
        }
        return token
    }

    func tokens(_ values: [JSONValue], parameter: String) throws(APIError) -> [Int32] {
        var tokens: [Int32] = []
        tokens.reserveCapacity(values.count)
        for value in values { tokens.append(try token(value.wholeNumber ?? -1, parameter: parameter)) }
        return tokens
    }
}

/// The values of a body whose shape was checked; nil where a key is missing or `null`.
package struct RequestValues: Sendable {
    private let object: JSONObject

    init(_ object: JSONObject) { self.object = object }

    func value(_ key: String) -> JSONValue? { object[key].flatMap { $0 == .null ? nil : $0 } }

    func integer(_ key: String) -> Int? { value(key)?.wholeNumber }

    func number(_ key: String) -> Double? { value(key)?.numberValue }

    func bool(_ key: String) -> Bool? {
        if case .bool(let bool)? = value(key) { bool } else { nil }
    }

    func string(_ key: String) -> String? {
        if case .string(let string)? = value(key) { string } else { nil }
    }

    func object(_ key: String) -> JSONObject? {
        if case .object(let object)? = value(key) { object } else { nil }
    }

    func array(_ key: String) -> [JSONValue]? {
        if case .array(let elements)? = value(key) { elements } else { nil }
    }

    /// A string or an array of strings.
    func strings(_ key: String) -> [String]? {
        switch value(key) {
        case .string(let string)?: [string]
        case .array(let elements)?:
            elements.compactMap { if case .string(let string) = $0 { string } else { nil } }
        default: nil
        }
    }
}
