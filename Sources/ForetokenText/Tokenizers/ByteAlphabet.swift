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

    /// The bytes of a token's text; nil if it contains a character outside the alphabet.
    static func bytes(of text: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard scalar.value < bytes.count, let byte = bytes[Int(scalar.value)] else { return nil }
            result.append(byte)
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
