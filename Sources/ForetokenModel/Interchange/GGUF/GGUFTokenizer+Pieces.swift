import ForetokenFiles
import ForetokenFormats

extension GGUFTokenizer {
    /// The metadata of a vocabulary in characters, such as Llama 2's, for llama.cpp's SentencePiece tokenizer, which merges the
    /// adjacent pair that gives the piece with the highest score: each piece's score is the rank of its first merge. Sets the
    /// types of unknown and byte tokens.
    ///
    /// Nil unless spaces become `▁` by the normalizers of Llama 2's `tokenizer.json`.
    static func pieces(
        _ root: JSONNode, _ words: [String], _ types: inout [GGUFWords.Kind]
    ) throws -> (metadata: [(String, GGUFValue)], notes: [String])? {
        guard try root["pre_tokenizer"].ifPresent == nil, let normalizer = try root["normalizer"].ifPresent else {
            return nil
        }
        let steps = try normalizer["type"].string() == "Sequence" ? normalizer["normalizers"].array() : [normalizer]
        let names = try steps.map { try $0["type"].string() }
        guard names == ["Prepend", "Replace"] || names == ["Replace"] else { return nil }
        let model = try root["model"]
        let unknown = try model["unk_token"].ifPresent?.string()
        let hasBytes = try model["byte_fallback"].ifPresent?.bool() ?? false
        var numbers: [ByteKey: Int] = [:]
        for (number, word) in words.enumerated() where types[number] != .unused {
            numbers[ByteKey(word)] = number
            if let unknown, word.hasEqualBytes(unknown) { types[number] = .unknown }
            if hasBytes, types[number] == .normal, isByte(word) { types[number] = .byte }
        }
        let merges = try model["merges"].array()
        var scores = [Float](repeating: -Float(merges.count + 1), count: words.count)
        var (last, isOrdered) = (-1, true)
        var seen = Set<Int>()
        for (rank, merge) in merges.enumerated() {
            guard let word = try joined(merge), let number = numbers[ByteKey(word)] else { continue }
            if seen.insert(number).inserted {
                scores[number] = -Float(rank)
            } else if number != last, !isRun(word) {
                isOrdered = false
            }
            last = number
        }
        return (
            [
                ("tokenizer.ggml.model", .string("llama")), ("tokenizer.ggml.pre", .string("default")),
                ("tokenizer.ggml.scores", .floats(scores)),
                ("tokenizer.ggml.add_space_prefix", .bool(names.count == 2)),
            ],
            isOrdered
                ? [] : ["llama.cpp orders merges by the pieces that they give, and may divide some words otherwise"]
        )
    }

    /// The piece of a merge, in either notation.
    private static func joined(_ merge: JSONNode) throws -> String? {
        if case .array = merge.value { return try merge.array().map { try $0.string() }.joined() }
        let text = try merge.string()
        guard let blank = text.utf8.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        return String(text[..<blank]) + String(text[text.utf8.index(after: blank)...])
    }

    private static func isRun(_ word: String) -> Bool {
        guard let first = word.unicodeScalars.first else { return false }
        return word.unicodeScalars.allSatisfy { $0 == first }
    }

    /// `<0x0A>`
    private static func isByte(_ word: String) -> Bool {
        guard word.utf8.count == 6, word.hasPrefix("<0x"), word.hasSuffix(">") else { return false }
        return word.utf8.dropFirst(3).dropLast().allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
        }
    }
}
