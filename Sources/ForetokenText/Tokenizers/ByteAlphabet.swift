/// GPT-2's mapping of bytes to printable characters, in which byte-level vocabularies are written.
///
/// Printable Latin-1 characters map to themselves, the other 68 bytes to U+0100...U+0143 in order (`bytes_to_unicode` in OpenAI's
/// gpt-2/src/encoder.py).
enum ByteAlphabet {
    /// The character of each byte.
    static let characters: [Unicode.Scalar] = {
        var next: UInt8 = 0
        return (0...255).map { (byte: UInt8) in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(0x100 + UInt16(next)) ?? "?"
            }
        }
    }()

    /// All bytes in the order of their characters, which is the order of their tokens in GPT-2's vocabulary.
    static let order = (UInt8.min...UInt8.max).sorted { characters[Int($0)] < characters[Int($1)] }

    private static let bytes: [UInt8?] = {
        var result = [UInt8?](repeating: nil, count: 0x144)
        for (byte, character) in characters.enumerated() { result[Int(character.value)] = UInt8(byte) }
        return result
    }()

    /// The bytes of a token's spelling; nil if it contains a character outside the alphabet.
    static func bytes(of spelling: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(spelling.count)
        var index = 0
        while index < spelling.count {
            // The alphabet ends at U+0143: one byte, or two from 0xC2...0xC5.
            let lead = spelling[index]
            var value = Int(lead)
            if lead >= 0x80 {
                guard (0xC2...0xC5).contains(lead), index + 1 < spelling.count else { return nil }
                value = Int(lead & 0x1F) << 6 | Int(spelling[index + 1] & 0x3F)
            }
            guard value < bytes.count, let byte = bytes[value] else { return nil }
            result.append(byte)
            index += lead < 0x80 ? 1 : 2
        }
        return result
    }

    /// The token text of bytes.
    static func text(of bytes: some Sequence<UInt8>) -> String {
        var result = ""
        for byte in bytes { result.unicodeScalars.append(characters[Int(byte)]) }
        return result
    }
}
