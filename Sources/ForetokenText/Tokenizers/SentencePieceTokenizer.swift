#if SentencePiece
    import CSentencePiece
    import ForetokenFiles

    /// A SentencePiece tokenizer (`.model`), as used by Llama 2 and Meta's released multi-token prediction models.
    ///
    /// Uses the system's SentencePiece library, which is linked with the package trait `SentencePiece`.
    public final class SentencePieceTokenizer: Tokenizer, @unchecked Sendable {
        /// `sentencepiece-` followed by the start of the digest; a `.model` file contains no name.
        public let name: String
        /// V, the number of pieces.
        public let vocabularySize: Int
        /// `<s>`, if the model has one.
        public let beginningOfText: Int32?
        /// `</s>`, if the model has one.
        public let endOfText: Int32?
        /// SHA-256 of the file.
        public let digest: String
        /// The bytes of the `.model` file.
        public let definition: [UInt8]
        /// `tokenizer.model`.
        public var definitionName: String { TokenizerFile.sentencePieceName }
        /// The model's control pieces, such as `<s>` and Mistral's `[INST]`.
        public let addedTokens: AddedTokens
        private let matcher: AddedTokenMatcher
        /// The bytes of each token.
        private let pieces: [[UInt8]]
        /// `@unchecked Sendable`: the library's model is immutable after loading, and its calls are const.
        private let model: OpaquePointer

        /// Reads a `.model` file.
        ///
        /// - Throws: ``TokenizerError``.
        public init(parsing bytes: [UInt8], file: String) throws(TokenizerError) {
            var reason = [CChar](repeating: 0, count: 300)
            let loaded = bytes.withUnsafeBytes { bytes in
                reason.withUnsafeMutableBufferPointer { reason in
                    csp_load(bytes.baseAddress, bytes.count, reason.baseAddress, reason.count)
                }
            }
            guard let loaded, csp_size(loaded) > 0 else {
                if let loaded { csp_release(loaded) }
                let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw .invalid(
                    file: file, key: "the model",
                    reason: "SentencePiece cannot read it (\(text.isEmpty ? "no pieces" : text))")
            }
            model = loaded
            definition = bytes
            digest = SHA256.hex(of: bytes)
            name = "sentencepiece-\(digest.prefix(8))"
            vocabularySize = Int(csp_size(loaded))
            beginningOfText = csp_begin(loaded) >= 0 ? csp_begin(loaded) : nil
            endOfText = csp_end(loaded) >= 0 ? csp_end(loaded) : nil
            pieces = (0..<csp_size(loaded)).map { Self.bytes(of: $0, in: loaded) }
            let control = (0..<csp_size(loaded)).filter { csp_kind(loaded, $0) == Int32(CSP_CONTROL) }
            addedTokens = AddedTokens(
                control.map { AddedToken(id: $0, content: Self.spelling(of: $0, in: loaded), isSpecial: true) })
            var matcher = AddedTokenMatcher()
            for token in addedTokens { matcher.insert(token, content: token.content) }
            self.matcher = matcher
        }

        deinit { csp_release(model) }

        /// Encodes a text given as bytes; invalid UTF-8 becomes U+FFFD, as always in SentencePiece.
        public func encode(_ bytes: [UInt8]) -> [Int32] {
            withExtendedLifetime(self) {
                bytes.withUnsafeBytes { text in
                    var ids: UnsafeMutablePointer<Int32>?
                    let empty: [CChar] = [0]
                    let count = empty.withUnsafeBufferPointer { empty in
                        csp_encode(
                            model, text.assumingMemoryBound(to: CChar.self).baseAddress ?? empty.baseAddress,
                            text.count, &ids)
                    }
                    defer { csp_free(ids) }
                    // Fails only when out of memory.
                    precondition(count >= 0, "SentencePiece could not encode a text of \(text.count) bytes")
                    return Array(UnsafeBufferPointer(start: ids, count: Int(count)))
                }
            }
        }

        /// Encodes a text given as bytes, with the control pieces that are spelled in it. Each text between them is encoded apart, with a
        /// space before it if the model puts one before a text, as Llama's and Mistral's own programs do.
        public func encode(_ bytes: [UInt8], specialTokens: SpecialTokens) -> [Int32] {
            guard specialTokens != .asText else { return encode(bytes) }
            return bytes.withUnsafeBufferPointer { text in
                var result: [Int32] = []
                matcher.split(text, ContentMask(specialTokens, count: text.count)) { range, token in
                    if !range.isEmpty { result += encode(Array(text[range])) }
                    if let token { result.append(token.id) }
                }
                return result
            }
        }

        /// The bytes of a token independent of its position: `▁` is always a space, including the one that SentencePiece inserts
        /// before the first word and that ``text(of:)`` removes.
        public func bytes(of token: Int32) -> [UInt8] { pieces.indices.contains(Int(token)) ? pieces[Int(token)] : [] }

        /// The text of a complete sequence, decoded by SentencePiece.
        public func text(of tokens: [Int32]) -> [UInt8] {
            let known = tokens.filter { pieces.indices.contains(Int($0)) }
            return withExtendedLifetime(self) {
                var text: UnsafeMutablePointer<CChar>?
                let count = csp_decode(model, known, known.count, &text)
                defer { csp_free(text) }
                return UnsafeRawBufferPointer(start: text, count: max(0, Int(count))).map(\.self)
            }
        }

        /// The text of a piece as the model holds it.
        private static func spelling(of token: Int32, in model: OpaquePointer) -> [UInt8] {
            var buffer = [CChar](repeating: 0, count: 64)
            var length = csp_piece(model, token, &buffer, buffer.count)
            if length > buffer.count {
                buffer = [CChar](repeating: 0, count: Int(length))
                length = csp_piece(model, token, &buffer, buffer.count)
            }
            return buffer.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }
        }

        private static func bytes(of token: Int32, in model: OpaquePointer) -> [UInt8] {
            let piece = spelling(of: token, in: model)
            switch csp_kind(model, token) {
            case Int32(CSP_BYTE):
                // `<0x41>`
                return UInt8(String(decoding: piece.dropFirst(3).dropLast(), as: UTF8.self), radix: 16).map { [$0] }
                    ?? []
            case Int32(CSP_UNKNOWN): return Array(" \u{2047} ".utf8)
            case Int32(CSP_NORMAL):
                return Array(String(decoding: piece, as: UTF8.self).replacing("\u{2581}", with: " ").utf8)
            default: return []
            }
        }
    }
#endif
