import ForetokenFiles

/// Parses the JSON of a safetensors header entry by entry; only the entries are kept, so memory is bounded by a small multiple
/// of the header's size.
struct SafetensorsHeaderParser {
    private(set) var entries: [SafetensorsEntry] = []
    private(set) var metadata: [String: String] = [:]

    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private var scanner: JSONScanner
    private var names: Set<String> = []
    /// The tensor being parsed, for error messages.
    private var tensor: String?

    /// Maximum nesting, that of the reference implementation; the format itself needs 3.
    private static let depth = 127

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
        scanner = JSONScanner(bytes, depthLimit: Self.depth)
        // An entry takes about a hundred bytes; growing a set of a hundred thousand names costs as much as filling it.
        let estimate = min(bytes.count / 100, 1 << 20)
        entries.reserveCapacity(estimate)
        names.reserveCapacity(estimate)
    }

    /// Parses the whole header.
    mutating func parse() throws(SafetensorsError) {
        do {
            try parseHeader()
        } catch let error as SafetensorsError {
            throw error
        } catch let fault as JSONFault {
            throw malformed(fault)
        } catch {
            // Unreachable, but an untyped `do` must be exhaustive.
            throw .cannotRead(file: file, reason: String(describing: error))
        }
    }

    private func malformed(_ fault: JSONFault) -> SafetensorsError {
        .malformedHeader(file: file, tensor: tensor, byte: fault.offset + 8, problem: fault.problem)
    }

    private mutating func parseHeader() throws {
        var first = true
        var hasMetadata = false
        try scanner.beginObject()
        while let key = try scanner.nextKey(first: &first) {
            if key == SafetensorsHeader.metadataKey {
                guard !hasMetadata else { throw scanner.fault(.duplicateKey(key)) }
                hasMetadata = true
                try parseMetadata()
            } else {
                guard names.insert(key).inserted else {
                    throw SafetensorsError.duplicateTensor(file: file, tensor: key)
                }
                tensor = key
                entries.append(try parseEntry(name: key))
                tensor = nil
            }
        }
        // The format pads with spaces; the reference implementation accepts all of JSON's white space.
        for index in scanner.position..<bytes.count where ![0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) {
            throw JSONFault(
                offset: index,
                problem: .expected("spaces to the header's end", found: "the byte 0x\(String(bytes[index], radix: 16))")
            )
        }
    }

    /// An object of texts, of which the last of a key counts, or null.
    private mutating func parseMetadata() throws(JSONFault) {
        if scanner.peek() == UInt8(ascii: "n") { return try scanner.literal("null") }
        var first = true
        try scanner.beginObject()
        while let key = try scanner.nextKey(first: &first) {
            metadata[key] = try scanner.string()
        }
    }

    private mutating func parseEntry(name: String) throws -> SafetensorsEntry {
        var dtype: SafetensorsDType?
        var shape: [Int]?
        var offsets: [Int]?
        var first = true
        try scanner.beginObject()
        while let key = try scanner.nextKey(first: &first) {
            let isRepeated =
                switch key {
                case "dtype": dtype != nil
                case "shape": shape != nil
                case "data_offsets": offsets != nil
                default: false
                }
            guard !isRepeated else { throw scanner.fault(.duplicateKey(key)) }
            switch key {
            case "dtype":
                let word = try scanner.string()
                guard let known = SafetensorsDType(rawValue: word) else {
                    throw SafetensorsError.unknownDType(file: file, tensor: name, dtype: word)
                }
                dtype = known
            case "shape": shape = try parseSizes(limit: SafetensorsHeader.rankLimit, "']' after 64 dimensions")
            case "data_offsets": offsets = try parseSizes(limit: 2, "']' after two offsets")
            // Other programs' notes, which the reference implementation ignores, too.
            default: try scanner.skipValue()
            }
        }
        guard let dtype else { throw SafetensorsError.missingField(file: file, tensor: name, field: "dtype") }
        guard let shape else { throw SafetensorsError.missingField(file: file, tensor: name, field: "shape") }
        guard let offsets, offsets.count == 2 else {
            throw SafetensorsError.missingField(file: file, tensor: name, field: "data_offsets")
        }
        guard offsets[0] <= offsets[1] else {
            throw SafetensorsError.reversedOffsets(file: file, tensor: name, begin: offsets[0], end: offsets[1])
        }
        guard let byteCount = dtype.byteCount(shape: shape) else {
            throw SafetensorsError.impossibleShape(file: file, tensor: name, dtype: dtype, shape: shape)
        }
        guard byteCount == offsets[1] - offsets[0] else {
            throw SafetensorsError.wrongByteCount(
                file: file, tensor: name, dtype: dtype, shape: shape, expected: byteCount,
                found: offsets[1] - offsets[0])
        }
        return SafetensorsEntry(name: name, dtype: dtype, shape: shape, byteRange: offsets[0]..<offsets[1])
    }

    private mutating func parseSizes(limit: Int, _ expected: String) throws(JSONFault) -> [Int] {
        var sizes: [Int] = []
        var first = true
        try scanner.beginArray()
        while try scanner.nextElement(first: &first) {
            guard sizes.count < limit else { throw scanner.expected(expected) }
            sizes.append(try scanner.size())
        }
        return sizes
    }
}
