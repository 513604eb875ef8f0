import ForetokenFiles

/// What can be wrong with a tokenizer's file.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file cannot be read or written.
    case system(file: String, action: String, reason: String)
    /// A tokenizer of a kind that this version does not compute.
    case unsupported(file: String, key: String, value: String, supported: String)
    /// The file contradicts itself.
    case invalid(file: String, key: String, reason: String)
    /// The tokenizer is not the one its model or text was made with.
    case other(file: String, found: String, expected: String)
    /// A model's tokenizer is not beside it.
    case missing(file: String, expected: String)
    /// A SentencePiece model in a build without the trait.
    case withoutSentencePiece(file: String)
    /// The training cannot make such a vocabulary.
    case vocabulary(size: Int, least: Int)

    /// The names of two tokenizers that differ, told apart by their digests where they have one name.
    package static func names(
        _ found: String, _ foundDigest: String, _ expected: String, _ expectedDigest: String
    ) -> (found: String, expected: String) {
        guard found == expected else { return (found, expected) }
        func name(_ name: String, _ digest: String) -> String { "\(name), digest \(digest.prefix(8))…" }
        return (name(found, foundDigest), name(expected, expectedDigest))
    }

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .system(let file, let action, let reason): "\(file): cannot \(action) it: \(reason)"
        case .unsupported(let file, let key, let value, let supported):
            "\(file): \(key.shortenedForMessage(limit: 200)): \(value.shortenedForMessage(limit: 200)) is not supported; "
                + "supported: \(supported)"
        case .invalid(let file, let key, let reason):
            "\(file): \(key.shortenedForMessage(limit: 200)): \(reason); get the file again from where it came"
        case .other(let file, let found, let expected):
            "\(file): tokenizer '\(found)' is not the one that this was made with ('\(expected)'); put that one here"
        case .missing(let file, let expected):
            "\(file): not there, and tokenizer '\(expected)' is needed; copy it from where the text was prepared"
        case .withoutSentencePiece(let file):
            "\(file): a SentencePiece model, which this build does not read; build again with FORETOKEN_SENTENCEPIECE=1 make build "
                + "(swift build --traits SentencePiece; it needs Debian's libsentencepiece-dev), or give the model's tokenizer.json"
        case .vocabulary(let size, let least):
            "a vocabulary of \(size) tokens is too small or too large: \(least) (all bytes and two special tokens) to 4000000"
        }
    }
}
