import ForetokenFormats

/// A SentencePiece vocabulary of a GGUF file as a SentencePiece model (sentencepiece_model.proto).
enum GGUFPieces {
    /// - Throws: `GGUFError`, ``ModelError``, naming the key.
    static func definition(_ file: GGUFFile, _ words: GGUFWords, roles: GGUFVocabulary.Roles) throws -> [UInt8] {
        let key = "tokenizer.ggml.scores"
        guard let scores = try file.floats(key), scores.count == words.words.count else {
            throw GGUFError.metadata(file: file.file, key: key, reason: "must have a number for each of the tokens")
        }
        guard scores.allSatisfy(\.isFinite) else {
            throw GGUFError.metadata(file: file.file, key: key, reason: "must be finite numbers")
        }
        // SentencePiece allows one unknown piece; others of that type are padding.
        let unknown = roles.unknown.map { Int($0) } ?? words.kinds.firstIndex(of: .unknown) ?? 0
        var model = Message()
        for (number, word) in words.words.enumerated() {
            let kind = words.kinds[number]
            var piece = Message()
            piece.append(1, Array(word.utf8))
            piece.append(2, scores[number])
            let type: GGUFWords.Kind = number == unknown ? .unknown : kind == .unknown ? .unused : kind
            piece.append(3, UInt64(type.rawValue))
            model.append(1, piece.bytes)
        }
        var trainer = Message()
        // BPE: llama.cpp merges the pair with the highest score, as SentencePiece does for that type.
        trainer.append(3, UInt64(2))
        trainer.append(4, UInt64(words.words.count))
        trainer.append(35, UInt64(words.kinds.contains(.byte) ? 1 : 0))
        let special = [Int32(unknown), roles.begin, roles.end, roles.padding]
        // -1 stands for no such token, in ten bytes like every negative number.
        for (field, token) in zip(40..., special) { trainer.append(field, UInt64(bitPattern: Int64(token ?? -1))) }
        // SentencePiece finds these pieces by their texts.
        for (field, token) in zip(45..., special) {
            if let token, Int(token) < words.words.count { trainer.append(field, Array(words.words[Int(token)].utf8)) }
        }
        model.append(2, trainer.bytes)
        var normalizer = Message()
        normalizer.append(1, Array("identity".utf8))
        // llama.cpp's defaults: a space before the text, and every space kept.
        let addsSpace = try file.bool("tokenizer.ggml.add_space_prefix") ?? true
        let removesSpaces = try file.bool("tokenizer.ggml.remove_extra_whitespaces") ?? false
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
