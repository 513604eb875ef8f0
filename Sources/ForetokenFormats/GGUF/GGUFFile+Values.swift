import ForetokenFiles

/// Metadata by key. Each returns nil for a missing key and throws ``GGUFError/metadata(file:key:reason:)`` for another type.
extension GGUFFile {
    /// Whether there is a value for a key.
    package func contains(_ key: String) -> Bool { values[Array(key.utf8)] != nil }

    /// An integer of any type within limits.
    package func integer(_ key: String, in limits: ClosedRange<Int>) throws(GGUFError) -> Int? {
        guard let value = values[Array(key.utf8)] else { return nil }
        var scanner = scanner(at: value.offset)
        guard value.type != .array, let number = try scanner.integer(value) else {
            throw wrong(key, value, "an integer")
        }
        guard limits.contains(number) else {
            throw .metadata(
                file: file, key: key,
                reason: "\(number) is out of range; \(limits.lowerBound) to \(limits.upperBound) is allowed")
        }
        return number
    }

    /// A number; one that was written as a float32 becomes the double with the same shortest decimal digits, as in a
    /// configuration of text, if that still rounds to it.
    package func double(_ key: String) throws(GGUFError) -> Double? {
        guard let value = values[Array(key.utf8)] else { return nil }
        var scanner = scanner(at: value.offset)
        switch value.type {
        case .float32:
            let float = Float(bitPattern: try scanner.number(UInt32.self, "a value"))
            guard float.isFinite, let double = Double("\(float)"), Float(double) == float else { return Double(float) }
            return double
        case .float64: return Double(bitPattern: try scanner.number(UInt64.self, "a value"))
        default: throw wrong(key, value, "a floating-point number")
        }
    }

    /// A boolean.
    package func bool(_ key: String) throws(GGUFError) -> Bool? {
        guard let value = values[Array(key.utf8)] else { return nil }
        guard value.type == .bool else { throw wrong(key, value, "a boolean") }
        var scanner = scanner(at: value.offset)
        return try scanner.number(UInt8.self, "a value") != 0
    }

    /// A string's bytes.
    package func bytes(_ key: String) throws(GGUFError) -> [UInt8]? {
        guard let value = values[Array(key.utf8)] else { return nil }
        guard value.type == .string else { throw wrong(key, value, "a string") }
        var scanner = scanner(at: value.offset)
        return try scanner.string("a value")
    }

    /// A string.
    package func text(_ key: String) throws(GGUFError) -> String? {
        guard let bytes = try bytes(key) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .metadata(file: file, key: key, reason: "must be UTF-8")
        }
        return text
    }

    /// An array of strings, as bytes.
    package func strings(_ key: String) throws(GGUFError) -> [[UInt8]]? {
        guard let (value, count) = try array(key, "strings", where: { $0 == .string }) else { return nil }
        var scanner = scanner(at: value.offset)
        var result: [[UInt8]] = []
        result.reserveCapacity(count)
        for _ in 0..<count { result.append(try scanner.string("a value")) }
        return result
    }

    /// An array of integers of any one type, or a single integer.
    package func integers(_ key: String) throws(GGUFError) -> [Int]? {
        if let value = values[Array(key.utf8)], value.type != .array {
            return try integer(key, in: Int.min...Int.max).map { [$0] }
        }
        let types: [GGUFScanner.ValueType] = [.uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64]
        guard let (value, count) = try array(key, "integers", where: types.contains) else { return nil }
        guard count > 0, let elements = value.elements, let size = elements.type.byteCount else { return [] }
        var scanner = scanner(at: value.offset)
        var result: [Int] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            let element = GGUFScanner.Value(type: elements.type, offset: value.offset + index * size)
            guard let number = try scanner.integer(element) else {
                throw .metadata(file: file, key: key, reason: "element \(index) is too large")
            }
            result.append(number)
        }
        return result
    }

    /// An array of float32 numbers.
    package func floats(_ key: String) throws(GGUFError) -> [Float]? {
        guard let (value, count) = try array(key, "float32 numbers", where: { $0 == .float32 }) else { return nil }
        var scanner = scanner(at: value.offset)
        var result: [Float] = []
        result.reserveCapacity(count)
        for _ in 0..<count { result.append(Float(bitPattern: try scanner.number(UInt32.self, "a value"))) }
        return result
    }

    private func array(
        _ key: String, _ what: String, where isAllowed: (GGUFScanner.ValueType) -> Bool
    ) throws(GGUFError) -> (GGUFScanner.Value, Int)? {
        guard let value = values[Array(key.utf8)] else { return nil }
        guard value.type == .array, let elements = value.elements, elements.count == 0 || isAllowed(elements.type)
        else {
            throw wrong(key, value, "an array of \(what)")
        }
        return (value, elements.count)
    }

    private func wrong(_ key: String, _ value: GGUFScanner.Value, _ expected: String) -> GGUFError {
        let found = value.elements.map { "an array of \($0.type.name)" } ?? value.type.name
        return .metadata(file: file, key: key, reason: "must be \(expected), but is of type \(found)")
    }
}
