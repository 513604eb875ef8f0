import ForetokenFiles

extension GGUFPieces {
    /// The longest piece whose divisions are listed; their number grows with the square of the lengths.
    private static let longestPiece = 256

    /// The vocabulary as a `tokenizer.json` that gives the same tokens without SentencePiece; nil where it would not.
    ///
    /// Each division of a piece into two becomes a merge, in the order of the pieces' scores, as in transformers' conversion of
    /// Llama 2's tokenizer. That is the same only if no two pieces share a score but runs, and if none cuts the text beforehand.
    ///
    /// - Throws: `JSONError`, ``ModelError``.
    func definition(template: (before: Int32?, after: Int32?)) throws -> [UInt8]? {
        guard !removesSpaces, !kinds.contains(.userDefined), let merges = merges() else { return nil }
        var vocabulary = JSONObject()
        var added: [JSONValue] = []
        for (id, (word, kind)) in zip(words, kinds).enumerated() where kind != .unused {
            guard vocabulary.insert(.integer(id), forNew: word) else { return nil }
            if kind == .control || kind == .unknown {
                added.append(GGUFBytePairs.addedToken(word, id, isSpecial: true))
            }
        }
        let replace: JSONValue = ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"]
        let prepend: JSONValue = ["type": "Prepend", "prepend": "\u{2581}"]
        let back: JSONValue = ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "]
        let strip: JSONValue = ["type": "Strip", "content": " ", "start": 1, "stop": 0]
        let value: JSONValue = [
            "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
            "normalizer": ["type": "Sequence", "normalizers": .array(addsSpace ? [prepend, replace] : [replace])],
            "pre_tokenizer": .null,
            "post_processor": GGUFBytePairs.template(template, words) ?? .null,
            "decoder": [
                "type": "Sequence",
                "decoders": .array([back, ["type": "ByteFallback"], ["type": "Fuse"]] + (addsSpace ? [strip] : [])),
            ],
            "model": [
                "type": "BPE", "dropout": .null, "unk_token": .string(words[unknown]),
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": true,
                "byte_fallback": .bool(kinds.contains(.byte)), "ignore_merges": false, "vocab": .object(vocabulary),
                "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
            ],
        ]
        return Array(try value.text(.pretty).utf8) + [UInt8(ascii: "\n")]
    }

    /// The merges in rank order; nil if the scores do not order them.
    private func merges() -> [(left: String, right: String)]? {
        var numbers: [ByteKey: Int] = [:]
        for (number, word) in words.enumerated() where kinds[number] == .normal || kinds[number] == .unused {
            guard numbers.updateValue(number, forKey: ByteKey(word)) == nil else { return nil }
        }
        var found: [(score: Float, number: Int, left: String, right: String)] = []
        for (number, word) in words.enumerated() where numbers[ByteKey(word)] == number {
            let scalars = Array(word.unicodeScalars)
            guard scalars.count <= Self.longestPiece else { return nil }
            var left = String.UnicodeScalarView()
            for (index, scalar) in scalars.dropLast().enumerated() {
                left.append(scalar)
                var right = String.UnicodeScalarView()
                right.append(contentsOf: scalars[(index + 1)...])
                let parts = (left: String(left), right: String(right))
                guard numbers[ByteKey(parts.left)] != nil, numbers[ByteKey(parts.right)] != nil else { continue }
                // SentencePiece merges to an unused piece and divides it again afterwards.
                guard kinds[number] == .normal else { return nil }
                found.append((scores[number], number, parts.left, parts.right))
            }
        }
        // Of equal scores the longest left part first, as in transformers.
        found.sort { ($0.score, $0.left.utf8.count, $1.number) > ($1.score, $1.left.utf8.count, $0.number) }
        var start = 0
        while start < found.count {
            let end = found[start...].firstIndex { $0.score != found[start].score } ?? found.count
            let numbers = Set(found[start..<end].map(\.number))
            guard numbers.count == 1 || areRuns(numbers.map { words[$0] }) else { return nil }
            start = end
        }
        return found.map { ($0.left, $0.right) }
    }

    /// Whether pieces of one score are all runs of 2, 3, … up to some number of one character each, as Llama 2's of spaces: then
    /// SentencePiece's order, from the left, is that of the longest left part, for both grow one run at a time.
    private func areRuns(_ pieces: [String]) -> Bool {
        var lengths: [Unicode.Scalar: Set<Int>] = [:]
        for piece in pieces {
            let scalars = piece.unicodeScalars
            guard let first = scalars.first, scalars.allSatisfy({ $0 == first }) else { return false }
            lengths[first, default: []].insert(scalars.count)
        }
        return lengths.values.allSatisfy { $0 == Set(2...($0.count + 1)) }
    }
}
