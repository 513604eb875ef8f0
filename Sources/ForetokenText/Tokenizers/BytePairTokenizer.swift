import ForetokenFiles

/// Byte-level byte-pair encoding as in the GPT-2, Llama 3 and Qwen families: normalises the text, splits it into words, and merges
/// the bytes of each word pair by pair in rank order.
///
/// Invalid UTF-8 is preserved: it splits words like U+FFFD would, and decodes to the original bytes.
///
/// Some vocabularies lack tokens for some of the 256 bytes. As in Hugging Face's library, such bytes become the model's unknown
/// token, and without one they are left out; ``checkEncodable(_:)`` reports them.
public struct BytePairTokenizer: Tokenizer {
    /// `bpe-` followed by the vocabulary size.
    public let name: String
    /// V: the largest token + 1, including added tokens.
    public let vocabularySize: Int
    /// The first token of ``framing``.
    public var beginningOfText: Int32? { framing.before.first }
    /// The token after every document: the last of ``framing``, or the special token `<|end_of_text|>`, `<|endoftext|>`, `</s>`
    /// or DeepSeek's.
    public let endOfText: Int32?
    /// The tokens that the file's post-processor adds to a text.
    ///
    /// It decides alone: like transformers 5 beside a `tokenizer.json`, Foretoken ignores `add_bos_token` and `add_eos_token` in
    /// `tokenizer_config.json`.
    public let framing: TextFraming
    /// The tokens of the file's `added_tokens`.
    public let addedTokens: AddedTokens
    /// SHA-256 of ``definition``.
    public let digest: String
    /// The bytes of the `tokenizer.json` it was read from.
    public let definition: [UInt8]

    /// Splits text into words.
    public let preTokenizer: PreTokenizer
    /// Whether text is normalised to NFC.
    public let isNormalizing: Bool
    /// Whether a word that is in the vocabulary is encoded as that token regardless of the merges (`ignore_merges`).
    public let ignoresMerges: Bool
    /// What bytes without a token become; nil leaves them out.
    let unknown: UnknownToken?
    private let merges: MergeTable
    private let vocabulary: Vocabulary
    private let literal: AddedTokenMatcher
    private let normalized: AddedTokenMatcher
    private let caches = WordCachePool()

    /// Creates a tokenizer from validated parts.
    init(
        definition: [UInt8], preTokenizer: PreTokenizer, isNormalizing: Bool, ignoresMerges: Bool, merges: MergeTable,
        unknown: UnknownToken?, vocabulary: Vocabulary, addedTokens: AddedTokens, framing: TextFraming
    ) {
        self.definition = definition
        digest = SHA256.hex(of: definition)
        self.preTokenizer = preTokenizer
        self.isNormalizing = isNormalizing
        self.ignoresMerges = ignoresMerges
        self.merges = merges
        self.unknown = unknown
        self.vocabulary = vocabulary
        vocabularySize = vocabulary.count
        name = "bpe-\(vocabulary.count)"
        var (literal, normalized) = (AddedTokenMatcher(), AddedTokenMatcher())
        for token in addedTokens {
            if token.isNormalized {
                let content = token.content.withUnsafeBufferPointer {
                    isNormalizing ? CanonicalComposition.compose($0) : nil
                }
                normalized.insert(token, content: content ?? token.content)
            } else {
                literal.insert(token, content: token.content)
            }
        }
        (self.literal, self.normalized) = (literal, normalized)
        self.addedTokens = addedTokens
        self.framing = framing
        let ends = ["<|end_of_text|>", "<|endoftext|>", "</s>", "<｜end▁of▁sentence｜>"].lazy.compactMap { name in
            addedTokens.token(named: Array(name.utf8)).flatMap { $0.isSpecial ? $0.id : nil }
        }
        endOfText = framing.after.last ?? ends.first
    }

    /// Encodes a text given as bytes; the spellings of special tokens are ordinary text.
    public func encode(_ bytes: [UInt8]) -> [Int32] { encode(bytes, specialTokens: .asText) }

    /// Encodes a text given as bytes, with the special tokens that are spelled in it.
    public func encode(_ bytes: [UInt8], specialTokens: SpecialTokens) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(bytes.count / 3)
        caches.withCache { cache in
            bytes.withUnsafeBufferPointer { text in
                forEachPiece(of: text, specialTokens) { piece, token in
                    encode(piece, cache, &result)
                    if let token { result.append(token.id) }
                }
            }
        }
        return result
    }

    /// Calls `body` with the normalised text before each added token and the token, and finally with the rest and nil.
    @inline(__always)
    private func forEachPiece(
        of text: UnsafeBufferPointer<UInt8>, _ special: SpecialTokens,
        _ body: (UnsafeBufferPointer<UInt8>, AddedToken?) -> Void
    ) {
        let mask = ContentMask(special, count: text.count)
        literal.split(text, mask) { range, token in
            let piece = UnsafeBufferPointer(rebasing: text[range])
            if let composed = isNormalizing ? CanonicalComposition.composeWithEdits(piece) : nil {
                let mask = normalized.hasSpecial ? mask[range].replacing(composed.edits) : .nothing
                composed.text.withUnsafeBufferPointer { text in
                    normalized.split(text, mask) { body(UnsafeBufferPointer(rebasing: text[$0]), $1) }
                }
            } else {
                normalized.split(piece, normalized.hasSpecial ? mask[range] : .nothing) {
                    body(UnsafeBufferPointer(rebasing: piece[$0]), $1)
                }
            }
            if token != nil { body(UnsafeBufferPointer(rebasing: text[range.upperBound..<range.upperBound]), token) }
        }
    }

    /// Calls `body` with the words of a piece, with the space that some pre-tokenizers put before it.
    @inline(__always)
    private func forEachWord(_ piece: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        if case .steps(let steps) = preTokenizer, steps.prefixesSpace, let first = piece.first,
            first != UInt8(ascii: " ")
        {
            ([UInt8(ascii: " ")] + piece).withUnsafeBufferPointer { text in
                steps.forEachWord(text) { body(UnsafeBufferPointer(rebasing: text[$0])) }
            }
        } else {
            preTokenizer.forEachWord(piece) { body(UnsafeBufferPointer(rebasing: piece[$0])) }
        }
    }

    private func encode(_ text: UnsafeBufferPointer<UInt8>, _ cache: WordCache, _ result: inout [Int32]) {
        forEachWord(text) { word in
            if word.count <= WordCache.longestWord {
                cache.append(word, to: &result) { merge(word, &$0) }
            } else {
                merge(word, &cache.scratch)
                result += cache.scratch
            }
        }
    }

    private func merge(_ word: UnsafeBufferPointer<UInt8>, _ tokens: inout [Int32]) {
        tokens.removeAll(keepingCapacity: true)
        if ignoresMerges, let token = vocabulary.token(of: word) {
            tokens.append(token)
            return
        }
        if vocabulary.isComplete {
            for byte in word { tokens.append(vocabulary.byteTokens[Int(byte)]) }
        } else {
            appendBytes(of: word, &tokens)
        }
        merges.merge(&tokens)
    }

    /// Appends the tokens of bytes of which some may have none.
    private func appendBytes(of word: UnsafeBufferPointer<UInt8>, _ tokens: inout [Int32]) {
        var isAfterUnknown = false
        for byte in word {
            let token = vocabulary.byteTokens[Int(byte)]
            if token >= 0 {
                tokens.append(token)
            } else if let unknown, !(isAfterUnknown && unknown.isFused) {
                tokens.append(unknown.token)
            }
            isAfterUnknown = token < 0
        }
    }

    /// - Throws: ``TokenizerError/unencodable(tokenizer:byte:text:)`` if the vocabulary has neither tokens for all bytes of the
    ///   text nor an unknown token.
    public func checkEncodable(_ bytes: [UInt8]) throws(TokenizerError) {
        guard !vocabulary.isComplete, unknown == nil else { return }
        var found: (byte: UInt8, word: [UInt8])?
        bytes.withUnsafeBufferPointer { text in
            forEachPiece(of: text, .asText) { piece, _ in
                guard found == nil else { return }
                forEachWord(piece) { word in
                    if found == nil, !(ignoresMerges && vocabulary.token(of: word) != nil),
                        let byte = word.first(where: { vocabulary.byteTokens[Int($0)] < 0 })
                    {
                        found = (byte, Array(word))
                    }
                }
            }
        }
        if let found { throw .unencodable(tokenizer: name, byte: found.byte, text: found.word) }
    }

    /// The bytes of a token; empty for special tokens and numbers outside the vocabulary.
    public func bytes(of token: Int32) -> [UInt8] { vocabulary.bytes(of: token) }
}

/// What bytes without a token become.
struct UnknownToken: Sendable, Equatable {
    let token: Int32
    /// Whether consecutive bytes without tokens become one token.
    let isFused: Bool
}

/// A two-way mapping between tokens and bytes.
struct Vocabulary: Sendable {
    /// The token of each byte; -1 where there is none.
    let byteTokens: [Int32]
    /// Whether each byte has a token.
    let isComplete: Bool
    /// The largest token + 1.
    var count: Int { bytes.count }
    private let bytes: [[UInt8]]
    private var table = ByteStringTable()
    private var tokens: [Int32] = []

    /// `bytes`: those of each token, empty for special tokens. `words`: the tokens that text can produce.
    init(byteTokens: [Int32], bytes: [[UInt8]], words: [Int32]) {
        self.byteTokens = byteTokens
        isComplete = !byteTokens.contains(-1)
        self.bytes = bytes
        for word in words {
            let isNew = bytes[Int(word)].withUnsafeBufferPointer { table.insert($0).isNew }
            if isNew { tokens.append(word) }
        }
    }

    func token(of word: UnsafeBufferPointer<UInt8>) -> Int32? { table.number(of: word).map { tokens[$0] } }

    func bytes(of token: Int32) -> [UInt8] { bytes.indices.contains(Int(token)) ? bytes[Int(token)] : [] }
}
