public import ForetokenPlatform

extension JSONValue {
    /// Default limit on the size of a text, in bytes.
    public static let defaultSizeLimit = 100_000_000

    /// Reads a JSON file strictly: UTF-8 without byte-order mark, no duplicate keys, nothing after the value.
    ///
    /// - Throws: ``JSONError`` naming the file, and the line and column of a syntax error.
    public init(contentsOf url: URL, sizeLimit: Int = defaultSizeLimit) throws {
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url, limit: sizeLimit)
        } catch {
            throw JSONError.cannotRead(file: url.relativePath, reason: error.reason)
        }
        self = try withExtendedLifetime(mapping) {
            try JSONValue(parsing: mapping.bytes, file: url.relativePath, sizeLimit: sizeLimit)
        }
    }

    /// Parses a JSON text. `file` is the file name for error messages.
    ///
    /// - Throws: ``JSONError``.
    public init(parsing text: String, file: String) throws {
        var text = text
        self = try text.withUTF8 { try JSONValue(parsing: UnsafeRawBufferPointer($0), file: file) }
    }

    /// Parses the bytes of a JSON text.
    ///
    /// - Parameters:
    ///   - bytes: The text in UTF-8.
    ///   - file: The file name for error messages.
    ///   - sizeLimit: Longer texts are rejected without parsing.
    ///   - depthLimit: Limit on the nesting of arrays and objects, and on the parser's recursion.
    /// - Throws: ``JSONError``.
    public init(
        parsing bytes: UnsafeRawBufferPointer, file: String, sizeLimit: Int = defaultSizeLimit, depthLimit: Int = 64
    ) throws {
        var hasLoneSurrogates: Bool?
        try self.init(parsing: bytes, file, sizeLimit, depthLimit, .strict, &hasLoneSurrogates)
    }

    /// Parses a JSON text that may hold other numbers than JSON's.
    ///
    /// - Throws: ``JSONError``.
    package init(parsing bytes: UnsafeRawBufferPointer, file: String, numbers: JSONNumbers) throws {
        var hasLoneSurrogates: Bool?
        try self.init(parsing: bytes, file, Self.defaultSizeLimit, 64, numbers, &hasLoneSurrogates)
    }

    /// Parses a JSON text that may hold other numbers than JSON's.
    ///
    /// - Throws: ``JSONError``.
    package init(parsing text: String, file: String, numbers: JSONNumbers) throws {
        var text = text
        self = try text.withUTF8 {
            try JSONValue(parsing: UnsafeRawBufferPointer($0), file: file, numbers: numbers)
        }
    }

    /// Parses a JSON text written by a language with UTF-16 strings: lone surrogates become U+FFFD.
    ///
    /// - Throws: ``JSONError``.
    package static func parsingSurrogates(
        _ bytes: UnsafeRawBufferPointer, file: String
    ) throws -> (value: JSONValue, hasLoneSurrogates: Bool) {
        var hasLoneSurrogates: Bool? = false
        let value = try JSONValue(parsing: bytes, file, defaultSizeLimit, 64, .strict, &hasLoneSurrogates)
        return (value, hasLoneSurrogates == true)
    }

    /// - Parameter hasLoneSurrogates: nil rejects lone surrogates; otherwise set to whether there are any.
    private init(
        parsing bytes: UnsafeRawBufferPointer, _ file: String, _ sizeLimit: Int, _ depthLimit: Int,
        _ numbers: JSONNumbers, _ hasLoneSurrogates: inout Bool?
    ) throws {
        guard bytes.count <= sizeLimit else {
            throw JSONError.cannotRead(
                file: file, reason: "it holds \(bytes.count) bytes, more than the limit of \(sizeLimit)")
        }
        var scanner = JSONScanner(bytes, depthLimit: depthLimit)
        scanner.replacesLoneSurrogates = hasLoneSurrogates != nil
        scanner.numbers = numbers
        do throws(JSONFault) {
            self = try Self.parse(&scanner)
            try scanner.finish()
            if scanner.hasLoneSurrogates { hasLoneSurrogates = true }
        } catch {
            let before = bytes[..<min(error.offset, bytes.count)]
            let lineStart = (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
            throw JSONError.malformed(
                file: file, line: before.count { $0 == UInt8(ascii: "\n") } + 1,
                column: error.offset - lineStart + 1, problem: error.problem)
        }
    }

    private static func parse(_ scanner: inout JSONScanner) throws(JSONFault) -> JSONValue {
        guard let byte = scanner.peek() else { throw scanner.expected("a value") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try parseObject(&scanner))
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            var first = true
            try scanner.beginArray()
            while try scanner.nextElement(first: &first) {
                elements.append(try parse(&scanner))
            }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try scanner.string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try scanner.number()
        case UInt8(ascii: "N"), UInt8(ascii: "I"):
            guard scanner.numbers == .python else { throw scanner.expected("a value") }
            return try scanner.number()
        case UInt8(ascii: "t"):
            try scanner.literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try scanner.literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try scanner.literal("null")
            return .null
        default: throw scanner.expected("a value")
        }
    }

    private static func parseObject(_ scanner: inout JSONScanner) throws(JSONFault) -> JSONObject {
        var object = JSONObject()
        var first = true
        try scanner.beginObject()
        while let key = try scanner.nextKey(first: &first) {
            // Rejected before the value is parsed, so that the error points to the key.
            guard object[key] == nil else { throw scanner.fault(.duplicateKey(key)) }
            _ = object.insert(try parse(&scanner), forNew: key)
        }
        return object
    }
}
