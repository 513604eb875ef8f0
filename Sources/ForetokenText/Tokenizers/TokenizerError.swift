import ForetokenFiles

/// An error of a tokenizer or its file.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be read or written.
    case system(file: String, action: String, reason: String)
    /// A setting that is not supported.
    case unsupported(file: String, key: String, value: String, supported: String)
    /// The file is inconsistent.
    case invalid(file: String, key: String, reason: String)
    /// The tokenizer is not the one with which the model or data was made.
    case other(file: String, found: String, expected: String)
    /// The tokenizer's file is missing.
    case missing(file: String, expected: String)
    /// The file is none of a tokenizer; `found` says what it is.
    case noTokenizer(file: String, found: String)
    /// A SentencePiece model in a build without SentencePiece.
    case withoutSentencePiece(file: String)
    /// A byte of a text for which the vocabulary has no token; `text` is the word with it.
    case unencodable(tokenizer: String, byte: UInt8, text: [UInt8])
    /// A vocabulary size that cannot be trained.
    case vocabulary(size: Int, least: Int)

    /// The names of two different tokenizers for a message, with their digests if the names are equal.
    package static func names(
        _ found: String, _ foundDigest: String, _ expected: String, _ expectedDigest: String
    ) -> (found: String, expected: String) {
        guard found == expected else { return (found, expected) }
        func name(_ name: String, _ digest: String) -> String { "\(name), digest \(digest.prefix(8))…" }
        return (name(found, foundDigest), name(expected, expectedDigest))
    }

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .system(let file, let action, let reason): "\(file): cannot \(action) it: \(reason)"
        case .unsupported(let file, let key, let value, let supported):
            "\(file): \(key.shortenedForMessage(limit: 200)): \(value.shortenedForMessage(limit: 200)) is not supported; "
                + "supported: \(supported)"
        case .invalid(let file, let key, let reason):
            "\(file): \(key.shortenedForMessage(limit: 200)): \(reason); get the file again from its source"
        case .other(let file, let found, let expected):
            "\(file): tokenizer '\(found)', expected '\(expected)'; replace the file with the expected tokenizer"
        case .missing(let file, let expected):
            "\(file): no such file, but tokenizer '\(expected)' is required; copy it from the folder of the prepared data"
        case .noTokenizer(let file, let found):
            "\(file): \(found), not a tokenizer; give the model's tokenizer.json, SentencePiece model or tiktoken vocabulary"
        case .withoutSentencePiece(let file):
            "\(file): a SentencePiece model, which this build does not support; build with FORETOKEN_SENTENCEPIECE=1 make build "
                + "(swift build --traits SentencePiece; needs Debian's libsentencepiece-dev), or give the model's tokenizer.json"
        case .unencodable(let tokenizer, let byte, let text):
            "tokenizer '\(tokenizer)' has no token for the byte 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true)) "
                + "in '\(String(decoding: text, as: UTF8.self).shortenedForMessage(limit: 40))'; remove it from the text"
        case .vocabulary(let size, let least):
            "vocabulary size \(size): must be \(least) (256 bytes and two special tokens) to 4000000"
        }
    }
}
