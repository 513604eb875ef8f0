import ForetokenFormats

/// A SentencePiece vocabulary of a GGUF file: pieces with scores, of which the adjacent pair with the highest score is merged first.
struct GGUFPieces {
    let words: [String]
    /// The types, with exactly one unknown piece.
    let kinds: [GGUFWords.Kind]
    let scores: [Float]
    let unknown: Int
    let roles: GGUFVocabulary.Roles
    /// Whether a space is put before a text.
    let addsSpace: Bool
    /// Whether runs of spaces become one.
    let removesSpaces: Bool

    /// - Throws: `GGUFError`, ``ModelError``, naming the key.
    init(_ file: GGUFFile, _ words: GGUFWords, roles: GGUFVocabulary.Roles) throws {
        let key = "tokenizer.ggml.scores"
        guard let scores = try file.floats(key), scores.count == words.words.count else {
            throw GGUFError.metadata(
                file: file.file, key: key, reason: "must have a number for each of the tokens")
        }
        guard scores.allSatisfy(\.isFinite) else {
            throw GGUFError.metadata(file: file.file, key: key, reason: "must be finite numbers")
        }
        // SentencePiece allows one unknown piece; others of that type are padding.
        let unknown = roles.unknown.map { Int($0) } ?? words.kinds.firstIndex(of: .unknown) ?? 0
        (self.words, self.scores, self.unknown, self.roles) = (words.words, scores, unknown, roles)
        kinds = words.kinds.enumerated().map { number, kind in
            number == unknown ? .unknown : kind == .unknown ? .unused : kind
        }
        // llama.cpp's defaults.
        addsSpace = try file.bool("tokenizer.ggml.add_space_prefix") ?? true
        removesSpaces = try file.bool("tokenizer.ggml.remove_extra_whitespaces") ?? false
    }

    // MARK: As a SentencePiece model

    /// The vocabulary as a SentencePiece model (sentencepiece_model.proto).
    var model: [UInt8] {
        var model = Message()
        for (number, word) in words.enumerated() {
            var piece = Message()
            piece.append(1, Array(word.utf8))
            piece.append(2, scores[number])
            piece.append(3, UInt64(kinds[number].rawValue))
            model.append(1, piece.bytes)
        }
        var trainer = Message()
        // BPE: llama.cpp merges the pair with the highest score, as SentencePiece does for that type.
        trainer.append(3, UInt64(2))
        trainer.append(4, UInt64(words.count))
        trainer.append(35, UInt64(kinds.contains(.byte) ? 1 : 0))
        let special = [Int32(unknown), roles.begin, roles.end, roles.padding]
        // -1 stands for no such token, in ten bytes like every negative number.
        for (field, token) in zip(40..., special) { trainer.append(field, UInt64(bitPattern: Int64(token ?? -1))) }
        // SentencePiece finds these pieces by their texts.
        for (field, token) in zip(45..., special) {
            if let token, Int(token) < words.count { trainer.append(field, Array(words[Int(token)].utf8)) }
        }
        model.append(2, trainer.bytes)
        var normalizer = Message()
        normalizer.append(1, Array("identity".utf8))
        normalizer.append(3, UInt64(addsSpace ? 1 : 0))
        normalizer.append(4, UInt64(removesSpaces ? 1 : 0))
        normalizer.append(5, UInt64(1))
        model.append(3, normalizer.bytes)
        return model.bytes
    }

    /// A message in protocol buffers' wire format.
    private struct Message {
        var bytes: [UInt8] = []

        private mutating func variable(_ value: UInt64) {
            var rest = value
            while rest >= 0x80 {
                bytes.append(UInt8(rest & 0x7F) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        mutating func append(_ field: Int, _ value: UInt64) {
            variable(UInt64(field) << 3)
            variable(value)
        }

        mutating func append(_ field: Int, _ value: Float) {
            variable(UInt64(field) << 3 | 5)
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
        }

        mutating func append(_ field: Int, _ value: [UInt8]) {
            variable(UInt64(field) << 3 | 2)
            variable(UInt64(value.count))
            bytes += value
        }
    }
}
