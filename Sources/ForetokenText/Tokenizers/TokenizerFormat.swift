/// The format of a tokenizer's file, by its contents.
enum TokenizerFormat: Equatable {
    /// A `tokenizer.json`.
    case json
    /// A SentencePiece model.
    case sentencePiece
    /// A tiktoken vocabulary.
    case tiktoken

    /// - Throws: ``TokenizerError/noTokenizer(file:found:)`` with what the file is instead.
    init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
        func starts(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
        let start = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        if Self.isSentencePiece(bytes) {
            self = .sentencePiece
        } else if Tiktoken.isOne(bytes) {
            self = .tiktoken
        } else if start == UInt8(ascii: "{") {
            if Self.isTekken(bytes) {
                throw .noTokenizer(file: file, found: "a vocabulary in Mistral's Tekken format, which is not supported")
            }
            self = .json
        } else if starts("GGUF") {
            throw .noTokenizer(file: file, found: "a model in GGUF format")
        } else if starts("version https://git-lfs") {
            throw .noTokenizer(file: file, found: "a Git LFS pointer (the file itself was not downloaded)")
        } else if starts("#version:") {
            throw .noTokenizer(file: file, found: "a list of merges without their vocabulary")
        } else if starts("PK\u{3}\u{4}") || starts("\u{1F}") {
            throw .noTokenizer(file: file, found: "a compressed archive")
        } else if bytes.isEmpty {
            throw .noTokenizer(file: file, found: "an empty file")
        } else {
            // JSON's own error names the place.
            guard let start, (0x20..<0x7F).contains(start) else {
                throw .noTokenizer(file: file, found: "an unknown format")
            }
            self = .json
        }
    }

    /// SentencePiece's message begins with the first piece (field 1), and the piece with its text (field 1).
    private static func isSentencePiece(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 4, bytes[0] == 0x0A, bytes[2] == 0x0A, bytes[1] < 0x80, bytes[3] < 0x80 else {
            return false
        }
        // A line break is white space in JSON and an empty line in text, but its next byte is no length there.
        return Int(bytes[3]) + 2 <= Int(bytes[1]) && Int(bytes[1]) + 2 < bytes.count
            && [0x0A, 0x12].contains(bytes[2 + Int(bytes[1])])
    }

    /// Tekken's files hold tokens as `token_bytes` in base64 near their start.
    private static func isTekken(_ bytes: [UInt8]) -> Bool {
        let start = String(decoding: bytes.prefix(4000), as: UTF8.self)
        return start.contains("\"token_bytes\"") || start.contains("\"default_vocab_size\"")
    }
}
