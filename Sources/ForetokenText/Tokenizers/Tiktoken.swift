import ForetokenFiles

/// A vocabulary in tiktoken's format: a token's bytes in base64 and its rank on each line.
///
/// The file holds neither pattern nor special tokens; both belong to the family, which is known by the number of tokens. The merges
/// are all pairs of tokens that make a third, as transformers converts such files.
enum Tiktoken {
    /// A family of models with such files.
    struct Family: Sendable {
        let name: String
        /// The number of ranks in the file.
        let count: Int
        let preTokenizer: PreTokenizer
        /// The special tokens and their distance from `count`.
        let special: [(offset: Int, name: String)]
        var isNormalizing = false
        /// The distance from `count` of the token before every text.
        var before: Int?
    }

    static let families: [Family] = [
        Family(name: "GPT-2", count: 50_256, preTokenizer: .gpt2, special: [(0, "<|endoftext|>")]),
        Family(
            name: "cl100k_base", count: 100_256, preTokenizer: .llama3,
            special: [
                (1, "<|endoftext|>"), (2, "<|fim_prefix|>"), (3, "<|fim_middle|>"), (4, "<|fim_suffix|>"),
                (20, "<|endofprompt|>"),
            ]),
        Family(
            name: "Llama 3", count: 128_000, preTokenizer: .llama3,
            special: [
                "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
                "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
                "<|eot_id|>", "<|python_tag|>", "<|image|>",
            ].enumerated().map { ($0, $1) } + (12..<256).map { ($0, "<|reserved_special_token_\($0 - 10)|>") },
            before: 0),
        Family(
            name: "Qwen", count: 151_643, preTokenizer: .qwen2,
            special: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].enumerated().map { ($0, $1) }
                + (0..<205).map { ($0 + 3, "<|extra_\($0)|>") }, isNormalizing: true),
        Family(
            name: "o200k_base", count: 199_998, preTokenizer: .o200k,
            special: [(1, "<|endoftext|>"), (20, "<|endofprompt|>")]),
    ]

    /// Whether a file looks like one: its first line is base64, a space and a number.
    static func isOne(_ file: [UInt8]) -> Bool {
        var line = file.prefix(2000).prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return entry(line) != nil
    }

    /// The contents of a `tokenizer.json` with the same tokens.
    ///
    /// - Throws: ``TokenizerError``.
    static func definition(of file: [UInt8], name: String) throws(TokenizerError) -> [UInt8] {
        let words = try words(of: file, name)
        guard let family = families.first(where: { $0.count == words.count }) else {
            throw .unsupported(
                file: name, key: "a tiktoken vocabulary", value: "\(words.count) ranks",
                supported: families.map { "\($0.count) (\($0.name))" }.joined(separator: ", ")
                    + "; the file names neither the pattern nor the special tokens: give the model's tokenizer.json, which "
                    + "AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers writes")
        }
        let spellings = words.map { ByteAlphabet.text(of: $0) }
        var definition = TokenizerDefinition(
            spellings: spellings, merges: merges(words).map { (spellings[$0], spellings[$1]) },
            addedTokens: family.special.map { offset, name in
                AddedToken(id: Int32(family.count + offset), content: Array(name.utf8), isSpecial: true)
            },
            preTokenizer: family.preTokenizer,
            framing: TextFraming(before: family.before.map { [Int32(family.count + $0)] } ?? []))
        definition.ignoresMerges = true
        definition.isNormalizing = family.isNormalizing
        return definition.text
    }

    /// The longest token of a file in bytes, so that finding its merges takes little time.
    private static let longestToken = 256

    /// The bytes of each token in rank order.
    private static func words(of file: [UInt8], _ name: String) throws(TokenizerError) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var known = ByteStringTable()
        var (number, start) = (0, 0)
        while start < file.count {
            let end = file[start...].firstIndex(of: UInt8(ascii: "\n")) ?? file.count
            var line = file[start..<end]
            start = end + 1
            number += 1
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty { continue }
            func invalid(_ reason: String) -> TokenizerError {
                .invalid(file: name, key: "line \(number)", reason: reason)
            }
            guard let (word, rank) = entry(line) else { throw invalid("expected a token in base64 and its rank") }
            guard rank == words.count, rank < TokenizerWords.largestVocabulary else {
                throw invalid("rank \(rank), expected \(words.count)")
            }
            guard !word.isEmpty, word.count <= longestToken else { throw invalid("a token of \(word.count) bytes") }
            guard word.withUnsafeBufferPointer({ known.insert($0).isNew }) else { throw invalid("a duplicate token") }
            words.append(word)
        }
        return words
    }

    /// All pairs of tokens that make a third: in the order of that token, then of the first and the second.
    private static func merges(_ words: [[UInt8]]) -> [(Int, Int)] {
        var known = ByteStringTable()
        for word in words { word.withUnsafeBufferPointer { _ = known.insert($0) } }
        var result: [(Int, Int)] = []
        for word in words where word.count > 1 {
            word.withUnsafeBufferPointer { word in
                var pairs: [(Int, Int)] = []
                for cut in 1..<word.count {
                    guard let left = known.number(of: UnsafeBufferPointer(rebasing: word[..<cut])),
                        let right = known.number(of: UnsafeBufferPointer(rebasing: word[cut...]))
                    else { continue }
                    pairs.append((left, right))
                }
                result += pairs.sorted { $0 < $1 }
            }
        }
        return result
    }

    /// The token and the rank of a line.
    private static func entry(_ line: ArraySlice<UInt8>) -> (word: [UInt8], rank: Int)? {
        guard let blank = line.firstIndex(of: UInt8(ascii: " ")), blank > line.startIndex, line.endIndex - blank <= 9
        else {
            return nil
        }
        let digits = line[(blank + 1)...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }), let word = decoded(line[..<blank])
        else {
            return nil
        }
        return (word, digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }

    /// Decodes base64 with its padding.
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0, !text.isEmpty else { return nil }
        let content = text.prefix { $0 != UInt8(ascii: "=") }
        let padding = text[content.endIndex...]
        guard padding.count <= 2, padding.allSatisfy({ $0 == UInt8(ascii: "=") }) else { return nil }
        var (result, bits, count): ([UInt8], UInt32, Int) = ([], 0, 0)
        for byte in content {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }
}
