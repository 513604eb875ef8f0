extension UnsafeRawBufferPointer {
    /// The little-endian number at a byte, aligned or not; nil where it would not lie inside.
    func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, at offset: Int) -> Number? {
        guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
        return Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// The bytes of a range as text; nil outside the buffer or if they are not UTF-8.
    func text(_ start: Int, _ length: Int) -> String? {
        guard start >= 0, length >= 0, length <= count - start else { return nil }
        return String(validating: self[start..<(start + length)], as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends a number, lowest byte first.
    mutating func append(littleEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
