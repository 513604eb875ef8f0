import ForetokenFiles

/// Reads the parts of a GGUF file one after another. Every read is checked against the file's end.
struct GGUFScanner {
    /// The types of metadata values, by their numbers in the format.
    enum ValueType: UInt32 {
        case uint8 = 0
        case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

        /// The name for messages.
        var name: String { "\(self)" }

        /// Bytes of a value; nil if they vary.
        var byteCount: Int? {
            switch self {
            case .uint8, .int8, .bool: 1
            case .uint16, .int16: 2
            case .uint32, .int32, .float32: 4
            case .uint64, .int64, .float64: 8
            case .string, .array: nil
            }
        }
    }

    /// Where a metadata value lies; of an array, its elements.
    struct Value: Sendable {
        let type: ValueType
        let offset: Int
        /// The elements of an array.
        var elements: (type: ValueType, count: Int)?
    }

    let file: String
    private(set) var position: Int
    private let bytes: UnsafeRawBufferPointer

    /// The longest key by the format.
    private static let keyLimit = 65_535
    /// The format's limit is 64; others write longer ones.
    private static let nameLimit = 1024
    /// Arrays of arrays of arrays; no file is known that has any.
    private static let nestingLimit = 4

    init(_ bytes: UnsafeRawBufferPointer, file: String, at position: Int = 0) {
        (self.bytes, self.file, self.position) = (bytes, file, position)
    }

    // MARK: Values

    /// The next little-endian number.
    mutating func number<Integer: FixedWidthInteger>(
        _ type: Integer.Type, _ what: @autoclosure () -> String
    ) throws(GGUFError) -> Integer {
        let size = MemoryLayout<Integer>.size
        try require(size, what())
        defer { position += size }
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Integer.self))
    }

    /// The next bytes with their length before them.
    mutating func string(limit: Int = .max, _ what: @autoclosure () -> String) throws(GGUFError) -> [UInt8] {
        let start = position
        let count = try number(UInt64.self, what())
        guard count <= UInt64(limit) else {
            throw malformed("\(what()) of \(count) bytes, more than the limit of \(limit)", at: start)
        }
        try require(Int(exactly: count) ?? .max, what())
        defer { position += Int(count) }
        return Array(bytes[position..<(position + Int(count))])
    }

    /// The integer of a value; nil if it has another type or does not fit.
    mutating func integer(_ value: Value) throws(GGUFError) -> Int? {
        position = value.offset
        switch value.type {
        case .uint8: return Int(try number(UInt8.self, "a value"))
        case .int8: return Int(try number(Int8.self, "a value"))
        case .uint16: return Int(try number(UInt16.self, "a value"))
        case .int16: return Int(try number(Int16.self, "a value"))
        case .uint32: return Int(try number(UInt32.self, "a value"))
        case .int32: return Int(try number(Int32.self, "a value"))
        case .uint64: return Int(exactly: try number(UInt64.self, "a value"))
        case .int64: return Int(try number(Int64.self, "a value"))
        case .float32, .float64, .bool, .string, .array: return nil
        }
    }

    // MARK: Header

    /// Reads everything before the tensors' descriptions.
    mutating func header() throws(GGUFError) -> (tensorCount: UInt64, values: [[UInt8]: Value], keys: [String]) {
        guard bytes.count >= 4, bytes.prefix(4).elementsEqual("GGUF".utf8) else {
            throw .notGGUF(file: file, reason: "it does not begin with 'GGUF'")
        }
        position = 4
        let version = try number(UInt32.self, "the version")
        guard (2...3).contains(version) else {
            let isSwapped = (1...3).contains(version.byteSwapped)
            throw .notGGUF(
                file: file,
                reason: isSwapped
                    ? "it is big-endian; convert it with gguf-convert-endian"
                    : "it has version \(version); versions 2 and 3 are supported, convert the model again")
        }
        let tensorCount = try number(UInt64.self, "the number of tensors")
        let valueCount = try number(UInt64.self, "the number of metadata values")
        // Before anything is allocated: a key takes 13 bytes at least, a tensor 24.
        let left = UInt64(bytes.count - position)
        guard valueCount <= left / 13, tensorCount <= left / 24 else {
            throw malformed("\(tensorCount) tensors and \(valueCount) metadata values in \(left) bytes", at: 8)
        }
        var values: [[UInt8]: Value] = [:]
        var keys: [String] = []
        values.reserveCapacity(Int(valueCount))
        for _ in 0..<valueCount {
            let start = position
            let key = try string(limit: Self.keyLimit, "a metadata key")
            let name = String(decoding: key, as: UTF8.self)
            let value = try skipValue(name)
            guard values.updateValue(value, forKey: key) == nil else {
                throw malformed("a second metadata key \(name.quotedForMessage())", at: start)
            }
            keys.append(name)
        }
        return (tensorCount, values, keys)
    }

    private mutating func skipValue(_ key: String) throws(GGUFError) -> Value {
        let type = try valueType(of: key)
        guard type == .array else {
            let value = Value(type: type, offset: position)
            try skip(type, count: 1, key, depth: 0)
            return value
        }
        let element = try valueType(of: key)
        let count = try elementCount(key)
        let value = Value(type: .array, offset: position, elements: (element, count))
        try skip(element, count: count, key, depth: 1)
        return value
    }

    private mutating func valueType(of key: String) throws(GGUFError) -> ValueType {
        let start = position
        let number = try number(UInt32.self, "the type of \(key.quotedForMessage())")
        guard let type = ValueType(rawValue: number) else {
            throw malformed("unknown value type \(number) of \(key.quotedForMessage())", at: start)
        }
        return type
    }

    private mutating func elementCount(_ key: String) throws(GGUFError) -> Int {
        let count = try number(UInt64.self, "the length of \(key.quotedForMessage())")
        // Each element takes a byte at least.
        try require(Int(exactly: count) ?? .max, key.quotedForMessage())
        return Int(count)
    }

    private mutating func skip(_ type: ValueType, count: Int, _ key: String, depth: Int) throws(GGUFError) {
        if let size = type.byteCount {
            let (total, overflow) = count.multipliedReportingOverflow(by: size)
            try require(overflow ? .max : total, key.quotedForMessage())
            if type == .bool {
                for offset in position..<(position + count) where bytes[offset] > 1 {
                    throw malformed("the boolean \(bytes[offset]) in \(key.quotedForMessage())", at: offset)
                }
            }
            position += total
            return
        }
        guard depth <= Self.nestingLimit else {
            throw malformed(
                "arrays nested more than \(Self.nestingLimit) deep in \(key.quotedForMessage())", at: position)
        }
        for _ in 0..<count {
            if type == .string {
                let length = try number(UInt64.self, key.quotedForMessage())
                try require(Int(exactly: length) ?? .max, key.quotedForMessage())
                position += Int(length)
            } else {
                let element = try valueType(of: key)
                try skip(element, count: elementCount(key), key, depth: depth + 1)
            }
        }
    }

    // MARK: Tensors

    /// Reads the tensors' descriptions and checks where their bytes lie.
    mutating func tensors(count: UInt64, alignment: Int) throws(GGUFError) -> [GGUFFile.Entry] {
        var described: [(name: String, shape: [Int], type: GGUFType, offset: UInt64, bytes: Int)] = []
        described.reserveCapacity(Int(count))
        var names: Set<[UInt8]> = []
        for _ in 0..<count {
            let start = position
            let bytes = try string(limit: Self.nameLimit, "a tensor's name")
            // Tensors are looked up by name, and these are the only ones that compare by their bytes as Swift strings.
            guard !bytes.isEmpty, bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
                throw malformed("a tensor's name that is not ASCII", at: start)
            }
            let name = String(decoding: bytes, as: UTF8.self)
            guard names.insert(bytes).inserted else {
                throw malformed("a second tensor \(name.quotedForMessage())", at: start)
            }
            let (shape, type, offset, size) = try description(of: name)
            described.append((name, shape, type, offset, size))
        }
        let padding = (alignment - position % alignment) % alignment
        let (begin, overflow) = position.addingReportingOverflow(padding)
        let available = overflow || begin > bytes.count ? 0 : bytes.count - begin
        let file = file
        let entries = try described.map { tensor throws(GGUFError) in
            let wrong = { (reason: String) in GGUFError.tensor(file: file, tensor: tensor.name, reason: reason) }
            guard let offset = Int(exactly: tensor.offset), offset.isMultiple(of: alignment) else {
                throw wrong("its offset \(tensor.offset) is not a multiple of the alignment of \(alignment) bytes")
            }
            guard tensor.bytes <= available, offset <= available - tensor.bytes else {
                throw wrong(
                    "its \(tensor.bytes) bytes from byte \(offset) on end after the \(available) bytes of tensors that the "
                        + "file holds")
            }
            let range = (begin + offset)..<(begin + offset + tensor.bytes)
            return GGUFFile.Entry(name: tensor.name, shape: tensor.shape, type: tensor.type, byteRange: range)
        }
        try refuseOverlaps(entries)
        return entries
    }

    private mutating func description(
        of name: String
    ) throws(GGUFError) -> (shape: [Int], type: GGUFType, offset: UInt64, bytes: Int) {
        let what = "the description of tensor \(name.quotedForMessage())"
        let wrong = { [file] (reason: String) in GGUFError.tensor(file: file, tensor: name, reason: reason) }
        let rank = try number(UInt32.self, what)
        guard rank <= GGUFFile.rankLimit else {
            throw wrong("it has \(rank) dimensions; the limit is \(GGUFFile.rankLimit)")
        }
        var shape: [Int] = []
        for _ in 0..<rank {
            let size = try number(UInt64.self, what)
            guard let size = Int(exactly: size) else { throw wrong("it has a dimension of \(size)") }
            shape.insert(size, at: 0)
        }
        let typeNumber = try number(UInt32.self, what)
        guard let type = GGUFType(rawValue: typeNumber) else {
            throw .unsupportedType(file: file, tensor: name, type: GGUFType.name(of: typeNumber))
        }
        guard let row = type.byteCount(row: shape.last ?? 1) else {
            throw wrong("its rows of \(shape.last ?? 1) do not fill \(type.name)'s blocks of \(type.blockSize)")
        }
        var total = row
        for size in shape.dropLast() {
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            guard !overflow else { throw wrong("its shape \(shape) is too large") }
            total = product
        }
        return (shape, type, try number(UInt64.self, what), total)
    }

    private func refuseOverlaps(_ entries: [GGUFFile.Entry]) throws(GGUFError) {
        let inOrder = entries.filter { !$0.byteRange.isEmpty }.sorted {
            $0.byteRange.lowerBound < $1.byteRange.lowerBound
        }
        for (first, second) in zip(inOrder, inOrder.dropFirst()) where second.byteRange.overlaps(first.byteRange) {
            throw .tensor(
                file: file, tensor: second.name, reason: "its bytes overlap those of \(first.name.quotedForMessage())")
        }
    }

    // MARK: Errors

    private func require(_ count: Int, _ what: @autoclosure () -> String) throws(GGUFError) {
        guard count <= bytes.count - position else { throw .truncated(file: file, what: what(), byte: bytes.count) }
    }

    private func malformed(_ what: String, at byte: Int) -> GGUFError {
        .malformed(file: file, what: what, byte: byte)
    }
}
