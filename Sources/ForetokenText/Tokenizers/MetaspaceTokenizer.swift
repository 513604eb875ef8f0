import ForetokenFiles

/// Byte-pair encoding over characters, with spaces written as `▁` (U+2581), as in the `tokenizer.json` of Llama 2 and Mistral: what
/// SentencePiece's models are in Hugging Face's format.
///
/// A character without a token is encoded as the tokens of its bytes (`<0xE4>`), or as the unknown token. Invalid UTF-8 is encoded
/// byte by byte in the same way.
public struct MetaspaceTokenizer: Tokenizer {
    /// `bpe-` followed by the vocabulary size.
    public let name: String
    /// V: the largest token + 1, including added tokens.
    public let vocabularySize: Int
    /// The first token of ``framing``.
    public var beginningOfText: Int32? { framing.before.first }
    /// The token after every document: the last of ``framing``, or the special token `</s>`.
    public let endOfText: Int32?
    /// The tokens that the file's post-processor adds to a text.
    public let framing: TextFraming
    /// The tokens of the file's `added_tokens`.
    public let addedTokens: AddedTokens
    /// SHA-256 of ``definition``.
    public let digest: String
    /// The bytes of the `tokenizer.json` it was read from.
    public let definition: [UInt8]

    private let pieces: MetaspacePieces
    private let spaces: MetaspaceRule
    private let literal: AddedTokenMatcher
    private let normalized: AddedTokenMatcher
    private let caches = WordCachePool()

    /// Creates a tokenizer from validated parts.
    init(
        definition: [UInt8], pieces: MetaspacePieces, spaces: MetaspaceRule, addedTokens: AddedTokens,
        framing: TextFraming
    ) {
        self.definition = definition
        digest = SHA256.hex(of: definition)
        (self.pieces, self.spaces, self.addedTokens, self.framing) = (pieces, spaces, addedTokens, framing)
        vocabularySize = pieces.bytes.count
        name = "bpe-\(pieces.bytes.count)"
        let end = addedTokens.token(named: Array("</s>".utf8)).flatMap { $0.isSpecial ? $0.id : nil }
        endOfText = framing.after.last ?? end
        var (literal, normalized) = (AddedTokenMatcher(), AddedTokenMatcher())
        for token in addedTokens {
            if token.isNormalized {
                normalized.insert(
                    token, content: token.content.withUnsafeBufferPointer { spaces.normalized($0) ?? token.content })
            } else {
                literal.insert(token, content: token.content)
            }
        }
        (self.literal, self.normalized) = (literal, normalized)
    }

    /// Encodes a text given as bytes; the spellings of special tokens are ordinary text.
    public func encode(_ bytes: [UInt8]) -> [Int32] { encode(bytes, specialTokens: .asText) }

    /// Encodes a text given as bytes, with the special tokens that are spelled in it.
    public func encode(_ bytes: [UInt8], specialTokens: SpecialTokens) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(bytes.count / 3)
        caches.withCache { cache in
            forEachPiece(of: bytes, specialTokens) { piece, token in
                encode(piece, cache, &result)
                if let token { result.append(token.id) }
            }
        }
        return result
    }

    /// - Throws: ``TokenizerError/unencodable(tokenizer:byte:text:)`` if the vocabulary has neither a token nor byte tokens for some
    ///   character, nor an unknown token.
    public func checkEncodable(_ bytes: [UInt8]) throws(TokenizerError) {
        guard pieces.unknown == nil else { return }
        var found: [UInt8]?
        forEachPiece(of: bytes, .asText) { piece, _ in found = found ?? pieces.firstWithoutToken(piece) }
        if let found { throw .unencodable(tokenizer: name, byte: found.first ?? 0, text: found) }
    }

    /// Calls `body` with the text before each added token, with spaces replaced, and the token; finally with the rest and nil.
    private func forEachPiece(
        of bytes: [UInt8], _ special: SpecialTokens, _ body: (UnsafeBufferPointer<UInt8>, AddedToken?) -> Void
    ) {
        bytes.withUnsafeBufferPointer { text in
            let mask = ContentMask(special, count: text.count)
            literal.split(text, mask) { range, token in
                let piece = UnsafeBufferPointer(rebasing: text[range])
                func splitNormalized(_ text: UnsafeBufferPointer<UInt8>, _ mask: ContentMask) {
                    normalized.split(text, mask) { inner, token in
                        let part = UnsafeBufferPointer(rebasing: text[inner])
                        let isFirst = range.lowerBound == 0 && inner.lowerBound == 0
                        if let replaced = spaces.preTokenized(part, isFirst: isFirst) {
                            replaced.withUnsafeBufferPointer { body($0, token) }
                        } else {
                            body(part, token)
                        }
                    }
                }
                if let (text, edits) = spaces.normalizedWithEdits(piece) {
                    let mask = normalized.hasSpecial ? mask[range].replacing(edits) : .nothing
                    text.withUnsafeBufferPointer { splitNormalized($0, mask) }
                } else {
                    splitNormalized(piece, normalized.hasSpecial ? mask[range] : .nothing)
                }
                if token != nil { body(UnsafeBufferPointer(rebasing: text[..<0]), token) }
            }
        }
    }

    private func encode(_ text: UnsafeBufferPointer<UInt8>, _ cache: WordCache, _ result: inout [Int32]) {
        var start = 0
        while start < text.count {
            let end = spaces.endOfWord(text, from: start, canSplit: pieces.wordsEndBeforeSpaces)
            let word = UnsafeBufferPointer(rebasing: text[start..<end])
            if word.count <= WordCache.longestWord {
                cache.append(word, to: &result) { pieces.encode(word, &$0) }
            } else {
                pieces.encode(word, &cache.scratch)
                result += cache.scratch
            }
            start = end
        }
    }

    /// The bytes of a token independent of its position: `▁` is always a space, including the one that is put before a text and
    /// that ``text(of:)`` removes.
    public func bytes(of token: Int32) -> [UInt8] {
        pieces.bytes.indices.contains(Int(token)) ? pieces.bytes[Int(token)] : []
    }

    /// The text of a complete sequence: without the space that encoding puts before it.
    public func text(of tokens: [Int32]) -> [UInt8] {
        let bytes = decode(tokens)
        return spaces.stripsFirst && bytes.first == UInt8(ascii: " ") ? Array(bytes.dropFirst()) : bytes
    }
}
