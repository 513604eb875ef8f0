/// Bytes that arrive in pieces as text of whole characters: a UTF-8 sequence is never split.
///
/// All texts together equal `String(decoding: allBytes, as: UTF8.self)`: bytes that are no UTF-8 become U+FFFD.
public struct UTF8StreamDecoder: Sendable {
    private var pending: [UInt8] = []

    /// A decoder that has seen nothing.
    public init() {}

    /// The text that is certain after these bytes.
    public mutating func push(_ bytes: [UInt8]) -> String {
        pending += bytes
        let keep = Self.incompleteTail(pending)
        let text = String(decoding: pending.dropLast(keep), as: UTF8.self)
        pending.removeFirst(pending.count - keep)
        return text
    }

    /// The text of what is left, incomplete sequences as U+FFFD.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end may still become a character.
    private static func incompleteTail(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1
            guard length > back, byte <= 0xF4 else { return 0 }
            // A second byte outside its range can never be completed.
            if back >= 2 {
                let second = bytes[bytes.count - back + 1]
                let valid: ClosedRange<UInt8> =
                    switch byte {
                    case 0xE0: 0xA0...0xBF
                    case 0xED: 0x80...0x9F
                    case 0xF0: 0x90...0xBF
                    case 0xF4: 0x80...0x8F
                    default: 0x80...0xBF
                    }
                if !valid.contains(second) { return 0 }
            }
            return back
        }
        return 0
    }
}
