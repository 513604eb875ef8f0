package import ForetokenFiles

extension Schema {
    /// The schema in JSON Schema 2020-12, as OpenAPI 3.1 has it.
    package var document: JSONObject {
        var object = JSONObject()
        switch self {
        case .constant(let value): object["const"] = value
        case .boolean: object["type"] = "boolean"
        case .integer(let range):
            object["type"] = "integer"
            object["minimum"] = .integer(range.lowerBound)
            object["maximum"] = .integer(range.upperBound)
        case .number(let range, let isOpenBelow):
            object["type"] = "number"
            object[isOpenBelow ? "exclusiveMinimum" : "minimum"] = .number(range.lowerBound)
            object["maximum"] = .number(range.upperBound)
        case .string(let bytes):
            object["type"] = "string"
            object["minLength"] = bytes.lowerBound > 0 ? .integer(bytes.lowerBound) : nil
            // JSON Schema counts characters: a quarter of the bytes is always accepted.
            object["maxLength"] = bytes.upperBound < .max ? .integer(bytes.upperBound / 4) : nil
        case .name(let names):
            object["type"] = "string"
            object["enum"] = .array(names.map { .string($0) })
        case .array(let element, let count):
            object["type"] = "array"
            object["items"] = .object(element.document)
            object["minItems"] = count.lowerBound > 0 ? .integer(count.lowerBound) : nil
            object["maxItems"] = count.upperBound < .max ? .integer(count.upperBound) : nil
        case .object(let fields): Self.describe(fields, in: &object)
        case .dictionary(let schema):
            object["type"] = "object"
            object["additionalProperties"] = .object(schema.document)
        case .any(let schemas): object["anyOf"] = .array(schemas.map { .object($0.document) })
        case .anything: break
        }
        return object
    }

    private static func describe(_ fields: [Field], in object: inout JSONObject) {
        var properties = JSONObject()
        for field in fields { properties[field.name] = .object(field.document) }
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
        object["type"] = "object"
        object["properties"] = .object(properties)
        object["required"] = required.isEmpty ? nil : .array(required)
    }
}

extension Field {
    fileprivate var document: JSONObject {
        var object = (isRequired ? schema : .any(schema.alternatives + [.constant(.null)])).document
        object["description"] = about.isEmpty ? nil : .string(about)
        object["default"] = defaultValue
        return object
    }
}

extension Schema {
    fileprivate var alternatives: [Schema] {
        switch self {
        case .any(let schemas): schemas
        default: [self]
        }
    }
}
