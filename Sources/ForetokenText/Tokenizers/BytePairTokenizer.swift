import ForetokenFiles

/// Byte-level byte-pair encoding as in the GPT-2, Llama 3 and Qwen families: normalises the text, splits it into words, and merges
/// the bytes of each word pair by pair in rank order.
///
/// Invalid UTF-8 is preserved: it splits words like U+FFFD would, and decodes to the original bytes.
public struct BytePairTokenizer: Tokenizer {
    /// `bpe-` followed by the vocabulary size.
    public let name: String
    /// V: the largest token + 1, including added tokens.
    public let vocabularySize: Int
    /// The token before every document: `<|begin_of_text|>`, `<|startoftext|>` or `<s>`.
    public let beginningOfText: Int32?
    /// The token after every document: `<|end_of_text|>`, `<|endoftext|>` or `</s>`.
    public let endOfText: Int32?
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
    private let merges: MergeTable
    private let vocabulary: Vocabulary
    private let literal: AddedTokenMatcher
    private let normalized: AddedTokenMatcher
    private let caches = WordCachePool()

    /// Creates a tokenizer from validated parts.
    init(
        definition: [UInt8], preTokenizer: PreTokenizer, isNormalizing: Bool, ignoresMerges: Bool, merges: MergeTable,
        vocabulary: Vocabulary, addedTokens: [AddedToken]
    ) {
        self.definition = definition
        digest = SHA256.hex(of: definition)
        self.preTokenizer = preTokenizer
        self.isNormalizing = isNormalizing
        self.ignoresMerges = ignoresMerges
        self.merges = merges
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
        func named(_ names: [String]) -> Int32? {
            names.lazy.compactMap { name in addedTokens.first { $0.isSpecial && $0.content == Array(name.utf8) }?.id }
                .first
        }
        beginningOfText = named(["<|begin_of_text|>", "<|startoftext|>", "<s>"])
        endOfText = named(["<|end_of_text|>", "<|endoftext|>", "</s>"])
    }

    /// Encodes a text given as bytes; the names of special tokens are encoded as ordinary text.
    public func encode(_ bytes: [UInt8]) -> [Int32] { encode(bytes, allowingSpecial: false) }

    /// Encodes a text given as bytes; with `allowingSpecial`, the names of special tokens are encoded as these tokens.
    public func encode(_ bytes: [UInt8], allowingSpecial: Bool) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(bytes.count / 3)
        caches.withCache { cache in
            bytes.withUnsafeBufferPointer { text in
                literal.split(text, allowingSpecial: allowingSpecial) { piece, token in
                    let composed = isNormalizing ? CanonicalComposition.compose(piece) : nil
                    if let composed {
                        composed.withUnsafeBufferPointer { encode($0, allowingSpecial, cache, &result) }
                    } else {
                        encode(piece, allowingSpecial, cache, &result)
                    }
                    if let token { result.append(token.id) }
                }
            }
        }
        return result
    }

    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ allowingSpecial: Bool, _ cache: WordCache, _ result: inout [Int32]
    ) {
        normalized.split(text, allowingSpecial: allowingSpecial) { piece, token in
            preTokenizer.forEachWord(piece) { range in
                let word = UnsafeBufferPointer(rebasing: piece[range])
                if word.count <= WordCache.longestWord {
                    cache.append(word, to: &result) { merge(word, &$0) }
                } else {
                    merge(word, &cache.scratch)
                    result += cache.scratch
                }
            }
            if let token { result.append(token.id) }
        }
    }

    private func merge(_ word: UnsafeBufferPointer<UInt8>, _ tokens: inout [Int32]) {
        tokens.removeAll(keepingCapacity: true)
        if ignoresMerges, let token = vocabulary.token(of: word) {
            tokens.append(token)
            return
        }
        for byte in word { tokens.append(vocabulary.byteTokens[Int(byte)]) }
        merges.merge(&tokens)
    }

    /// The bytes of a token; empty for special tokens and numbers outside the vocabulary.
    public func bytes(of token: Int32) -> [UInt8] { vocabulary.bytes(of: token) }
}

/// A two-way mapping between tokens and bytes.
struct Vocabulary: Sendable {
    /// The token of each byte.
    let byteTokens: [Int32]
    /// The largest token + 1.
    var count: Int { bytes.count }
    private let bytes: [[UInt8]]
    private var table = ByteStringTable()
    private var tokens: [Int32] = []

    /// `bytes`: those of each token, empty for special tokens. `words`: the tokens that text can produce.
    init(byteTokens: [Int32], bytes: [[UInt8]], words: [Int32]) {
        self.byteTokens = byteTokens
        self.bytes = bytes
        for word in words {
            let isNew = bytes[Int(word)].withUnsafeBufferPointer { table.insert($0).isNew }
            if isNew { tokens.append(word) }
        }
    }

    func token(of word: UnsafeBufferPointer<UInt8>) -> Int32? { table.number(of: word).map { tokens[$0] } }

    func bytes(of token: Int32) -> [UInt8] { bytes.indices.contains(Int(token)) ? bytes[Int(token)] : [] }
}
