import ForetokenFormats

/// The tokens of a GGUF file with their types.
struct GGUFWords {
    /// Token types, by their numbers in llama.cpp and SentencePiece.
    enum Kind: Int {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    let words: [String]
    let kinds: [Kind]

    /// The longest token that is read; the tokenizer's limit for added tokens.
    private static let longest = 4096

    /// - Throws: `GGUFError`, ``ModelError``, naming the key.
    init(_ file: GGUFFile, rows: Int) throws {
        let (key, typeKey) = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type")
        guard let tokens = try file.strings(key) else {
            throw GGUFError.metadata(file: file.file, key: key, reason: "is missing")
        }
        guard tokens.count <= rows else {
            throw ModelError.disagreement(
                file: file.file, key: key, found: "\(tokens.count) tokens",
                expected: "at most the \(rows) rows of token_embd.weight")
        }
        func wrong(_ key: String, _ reason: String) -> GGUFError {
            .metadata(file: file.file, key: key, reason: reason)
        }
        words = try tokens.enumerated().map { number, bytes in
            guard bytes.count <= Self.longest else { throw wrong(key, "token \(number) has \(bytes.count) bytes") }
            guard let word = String(validating: bytes, as: UTF8.self) else {
                throw wrong(key, "token \(number) is not UTF-8")
            }
            return word
        }
        guard let types = try file.integers(typeKey) else {
            kinds = [Kind](repeating: .normal, count: tokens.count)
            return
        }
        guard types.count == tokens.count else {
            throw wrong(typeKey, "has \(types.count) elements for \(tokens.count) tokens")
        }
        kinds = try types.enumerated().map { number, type in
            guard let kind = Kind(rawValue: type) else { throw wrong(typeKey, "token \(number) has type \(type)") }
            return kind
        }
    }
}
