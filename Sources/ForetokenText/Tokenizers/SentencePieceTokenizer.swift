#if SentencePiece
    import CSentencePiece
    import ForetokenFiles

    /// A tokenizer of SentencePiece (`.model`): Llama 2's, and so that of Meta's released multi-token models.
    ///
    /// Computed by the system's SentencePiece library, which the package trait `SentencePiece` links.
    public final class SentencePieceTokenizer: Tokenizer, @unchecked Sendable {
        /// `sentencepiece-` and the beginning of the digest: a `.model` file has no name of its own.
        public let name: String
        /// V, all pieces.
        public let vocabularySize: Int
        /// `<s>`, if the model has one.
        public let beginningOfText: Int32?
        /// `</s>`, if the model has one.
        public let endOfText: Int32?
        /// SHA-256 of the file.
        public let digest: String
        /// The `.model` file itself.
        public let definition: [UInt8]
        /// `tokenizer.model`.
        public var definitionName: String { TokenizerFile.sentencePieceName }
        /// The bytes of each token.
        private let pieces: [[UInt8]]
        /// Unchecked because a raw pointer is not Sendable: the library's model is never changed after loading, and its calls
        /// are const.
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
        }

        deinit { csp_release(model) }

        /// The tokens of a text; what is not UTF-8 becomes U+FFFD, as everywhere in SentencePiece.
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
                    // It fails only when memory ends, where this process could not go on anyway.
                    precondition(count >= 0, "SentencePiece could not encode a text of \(text.count) bytes")
                    return Array(UnsafeBufferPointer(start: ids, count: Int(count)))
                }
            }
        }

        /// The bytes of a token wherever it stands: a space for `▁`, also before a text's first word, which SentencePiece sets
        /// there itself and ``text(of:)`` takes away again.
        public func bytes(of token: Int32) -> [UInt8] { pieces.indices.contains(Int(token)) ? pieces[Int(token)] : [] }

        /// The text of a whole sequence as SentencePiece itself decodes it.
        public func text(of tokens: [Int32]) -> [UInt8] {
            let known = tokens.filter { pieces.indices.contains(Int($0)) }
            return withExtendedLifetime(self) {
                var text: UnsafeMutablePointer<CChar>?
                let count = csp_decode(model, known, known.count, &text)
                defer { csp_free(text) }
                return UnsafeRawBufferPointer(start: text, count: max(0, Int(count))).map(\.self)
            }
        }

        private static func bytes(of token: Int32, in model: OpaquePointer) -> [UInt8] {
            var buffer = [CChar](repeating: 0, count: 64)
            var length = csp_piece(model, token, &buffer, buffer.count)
            if length > buffer.count {
                buffer = [CChar](repeating: 0, count: Int(length))
                length = csp_piece(model, token, &buffer, buffer.count)
            }
            let piece = buffer.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }
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
