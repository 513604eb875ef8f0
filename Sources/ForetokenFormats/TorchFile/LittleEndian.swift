extension UnsafeRawBufferPointer {
    /// The little-endian number at a byte offset, aligned or not; nil if it is out of bounds.
    func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, at offset: Int) -> Number? {
        guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
        return Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// The bytes of a range as text; nil if out of bounds or not UTF-8.
    func text(_ start: Int, _ length: Int) -> String? {
        guard start >= 0, length >= 0, length <= count - start else { return nil }
        return String(validating: self[start..<(start + length)], as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends a number in little-endian order.
    mutating func append(littleEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
