import ForetokenFiles

/// Byte-level byte-pair encoding as the GPT-2, Llama 3 and Qwen families use it: normalize, cut into words, and merge the
/// bytes of each word pair by pair in the order that training found.
///
/// Bytes that are not UTF-8 are kept: they cut words as the U+FFFD in their place would, and decode to themselves.
public struct BytePairTokenizer: Tokenizer {
    /// `bpe-` and the size of the vocabulary.
    public let name: String
    /// V: the largest token + 1, added tokens included.
    public let vocabularySize: Int
    /// The token before every document: the one named `<|begin_of_text|>`, `<|startoftext|>` or `<s>`.
    public let beginningOfText: Int32?
    /// The token after every document: the one named `<|end_of_text|>`, `<|endoftext|>` or `</s>`.
    public let endOfText: Int32?
    /// SHA-256 of ``definition``.
    public let digest: String
    /// The `tokenizer.json` it was read from, byte for byte.
    public let definition: [UInt8]

    /// How the text is cut into words.
    public let preTokenizer: PreTokenizer
    /// Whether the text is brought into Unicode's form C first.
    public let isNormalizing: Bool
    /// Whether a word that is a token is that token, whatever the merges say.
    public let ignoresMerges: Bool
    private let merges: MergeTable
    private let vocabulary: Vocabulary
    private let literal: AddedTokenMatcher
    private let normalized: AddedTokenMatcher
    private let caches = WordCachePool()

    /// The parts, checked by the reader.
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

    /// The tokens of a text's bytes; special tokens' names are ordinary text.
    public func encode(_ bytes: [UInt8]) -> [Int32] { encode(bytes, allowingSpecial: false) }

    /// The tokens of a text's bytes; where special tokens are allowed, their names become them.
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

    /// The bytes of a token; none for special tokens and numbers outside the vocabulary.
    public func bytes(of token: Int32) -> [UInt8] { vocabulary.bytes(of: token) }
}

/// The bytes of every token, and the token of bytes.
struct Vocabulary: Sendable {
    /// The token of each byte.
    let byteTokens: [Int32]
    /// The largest token + 1.
    var count: Int { bytes.count }
    private let bytes: [[UInt8]]
    private var table = ByteStringTable()
    private var tokens: [Int32] = []

    /// `bytes`: of each token; none for those that text never becomes. `words`: the tokens that words can be.
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
