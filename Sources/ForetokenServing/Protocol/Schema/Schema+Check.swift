package import ForetokenFiles

/// A value that does not have the shape of its schema.
package struct SchemaMismatch: Error, Sendable {
    /// A key or an index.
    enum Step: Sendable {
        case key(String)
        case index(Int)
    }

    /// From the inside out: building it costs nothing until something is wrong.
    private(set) var reversedPath: [Step] = []
    let expected: String
    let found: String
    /// The field that is not supported with this value.
    fileprivate(set) var unsupported: Field?

    init(_ expected: String, found: String) { (self.expected, self.found) = (expected, found) }

    func inside(_ step: Step) -> SchemaMismatch {
        var result = self
        result.reversedPath.append(step)
        return result
    }

    /// `messages[2].content`.
    var path: String {
        reversedPath.reversed().reduce(into: "") { path, step in
            switch step {
            case .key(let key): path += (path.isEmpty ? "" : ".") + key.shortenedForMessage(limit: 100)
            case .index(let index): path += "[\(index)]"
            }
        }
    }

    /// Whether this mismatch was found later in the value than another: of several alternatives, that one was meant.
    func isDeeper(than other: SchemaMismatch) -> Bool {
        for (step, otherStep) in zip(reversedPath.reversed(), other.reversedPath.reversed()) {
            if case .index(let index) = step, case .index(let otherIndex) = otherStep, index != otherIndex {
                return index > otherIndex
            }
        }
        return reversedPath.count > other.reversedPath.count
    }

    /// The response for the client.
    package var error: APIError {
        let path = path
        guard !path.isEmpty else { return .invalid("The body must be \(expected), not \(found).", parameter: nil) }
        if let unsupported, let remedy = unsupported.remedy {
            return .unsupported(path, remedy: remedy)
        }
        let sentence =
            found.isEmpty ? "'\(path)' is missing: \(expected)." : "'\(path)' must be \(expected), not \(found)."
        return .invalid(sentence, parameter: path)
    }
}

extension Schema {
    /// Checks that a value has this shape.
    package func check(_ value: JSONValue) throws(SchemaMismatch) {
        switch (self, value) {
        case (.anything, _), (.boolean, .bool): return
        case (.constant(let constant), _):
            guard value == constant || value.numberValue.map({ $0 == constant.numberValue }) == true else {
                throw mismatch(value)
            }
        case (.integer(let range), _):
            guard let integer = value.wholeNumber, range.contains(integer) else { throw mismatch(value) }
        case (.number(let range, let isOpenBelow), _):
            guard let number = value.numberValue, range.contains(number), !isOpenBelow || number > range.lowerBound
            else { throw mismatch(value) }
        case (.string(let bytes), .string(let text)):
            guard bytes.contains(text.utf8.count) else { throw mismatch(value) }
        case (.name(let names), .string(let text)):
            guard names.contains(where: { $0.hasEqualBytes(text) }) else { throw mismatch(value) }
        case (.array(let element, let count), .array(let elements)):
            guard count.contains(elements.count) else { throw mismatch(value) }
            for (index, value) in elements.enumerated() { try element.check(value, .index(index)) }
        case (.dictionary(let schema), .object(let object)):
            for (key, value) in object { try schema.check(value, .key(key)) }
        case (.object(let fields), .object(let object)):
            for field in fields { try field.check(in: object) }
        case (.any(let schemas), _): try Self.check(value, isOneOf: schemas, expected: expectation)
        default: throw mismatch(value)
        }
    }

    fileprivate func check(_ value: JSONValue, _ step: SchemaMismatch.Step) throws(SchemaMismatch) {
        do throws(SchemaMismatch) { try check(value) } catch { throw error.inside(step) }
    }

    private static func check(
        _ value: JSONValue, isOneOf schemas: [Schema], expected: String
    ) throws(SchemaMismatch) {
        var deepest = SchemaMismatch(expected, found: value.foundDescription)
        for schema in schemas {
            do throws(SchemaMismatch) {
                return try schema.check(value)
            } catch {
                if error.isDeeper(than: deepest) { deepest = error }
            }
        }
        throw deepest
    }

    private func mismatch(_ value: JSONValue) -> SchemaMismatch {
        switch (self, value) {
        case (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number), (.name, .string),
            (.array, .array):
            SchemaMismatch(expectation, found: value.foundDescription)
        case (.string, .string(let text)):
            SchemaMismatch(expectation, found: text.isEmpty ? "an empty string" : "one of \(text.utf8.count)")
        default: SchemaMismatch(expectation, found: value.kind)
        }
    }
}

extension Field {
    fileprivate func check(in object: JSONObject) throws(SchemaMismatch) {
        guard let value = object[name], value != .null || isRequired else {
            if isRequired { throw SchemaMismatch(schema.expectation, found: "").inside(.key(name)) }
            return
        }
        do throws(SchemaMismatch) {
            try schema.check(value, .key(name))
        } catch {
            guard remedy != nil else { throw error }
            var mismatch = SchemaMismatch(error.expected, found: error.found).inside(.key(name))
            mismatch.unsupported = self
            throw mismatch
        }
    }
}

extension JSONValue {
    /// The integer, also of a number such as `16.0`.
    var wholeNumber: Int? {
        switch self {
        case .integer(let integer): integer
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }

    var numberValue: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    /// The value of a number or string, the length of an array, the kind of other values.
    fileprivate var foundDescription: String {
        switch self {
        case .integer(let integer): String(integer)
        case .number(let number): number.description
        case .string(let text): text.isEmpty ? "an empty string" : text.quotedForMessage(limit: 60)
        case .array(let elements): elements.isEmpty ? "an empty array" : "an array of \(elements.count)"
        default: kind
        }
    }
}
