/// An incremental UTF-8 decoder that never splits a character.
///
/// The concatenated results equal `String(decoding: allBytes, as: UTF8.self)`; invalid UTF-8 becomes U+FFFD.
public struct UTF8StreamDecoder: Sendable {
    private var pending: [UInt8] = []

    /// Creates a decoder.
    public init() {}

    /// Adds bytes and returns the text that is complete.
    public mutating func push(_ bytes: [UInt8]) -> String {
        pending += bytes
        let keep = Self.incompleteTail(pending)
        let text = String(decoding: pending.dropLast(keep), as: UTF8.self)
        pending.removeFirst(pending.count - keep)
        return text
    }

    /// Returns the text of pending bytes; an incomplete sequence becomes U+FFFD.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// The number of bytes at the end that may be the start of a character.
    private static func incompleteTail(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1
            guard length > back, byte <= 0xF4 else { return 0 }
            // With a second byte outside its range the sequence is invalid, not incomplete.
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
