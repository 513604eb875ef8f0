/// The checksum of zip archives (polynomial 0xEDB88320), eight bytes per step ("slicing by 8", Kounavis and Berry 2005).
struct CRC32 {
    private var state: UInt32 = ~0

    /// The checksum of the bytes appended so far.
    var value: UInt32 { ~state }

    /// Eight tables of 256 entries, one for each byte of a step.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            tables[byte] = (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 0 ? 0 : 0xEDB8_8320) }
        }
        for index in 256..<(8 * 256) {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var state = state
        Self.tables.withUnsafeBufferPointer { tables in
            var position = 0
            while bytes.count - position >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let mixed = word ^ UInt64(state)
                state = 0
                for byte in 0..<8 {
                    state ^= tables[(7 - byte) * 256 + Int(truncatingIfNeeded: mixed >> (8 * UInt64(byte)) & 0xFF)]
                }
                position += 8
            }
            while position < bytes.count {
                state = state >> 8 ^ tables[Int((state ^ UInt32(bytes[position])) & 0xFF)]
                position += 1
            }
        }
        self.state = state
    }

    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var sum = CRC32()
        sum.append(bytes)
        return sum.value
    }
}
