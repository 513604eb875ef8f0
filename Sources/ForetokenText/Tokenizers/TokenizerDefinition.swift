import ForetokenFiles

/// The parts of a byte-level BPE tokenizer, to be written as a `tokenizer.json`.
package struct TokenizerDefinition {
    /// The spelling of each token in GPT-2's alphabet, in order; nil for numbers that only an added token has.
    package var spellings: [String?]
    /// The two spellings of each merge, in rank order.
    package var merges: [(left: String, right: String)]
    /// Tokens matched literally, among them all special tokens.
    package var addedTokens: [AddedToken] = []
    /// How text is split into words.
    package var preTokenizer: PreTokenizer
    /// Whether text is normalised to NFC.
    package var isNormalizing = false
    /// Whether a word of the vocabulary is encoded as that token regardless of the merges.
    package var ignoresMerges = false
    /// The spelling of what stands for bytes without a token.
    package var unknown: String?
    /// The tokens that the post-processor adds to a text; each must be an added token.
    package var framing = TextFraming()

    /// Creates a definition.
    package init(
        spellings: [String?], merges: [(left: String, right: String)], addedTokens: [AddedToken] = [],
        preTokenizer: PreTokenizer, framing: TextFraming = TextFraming()
    ) {
        self.spellings = spellings
        self.merges = merges
        self.addedTokens = addedTokens
        self.preTokenizer = preTokenizer
        self.framing = framing
    }

    /// A vocabulary of byte strings followed by the two special tokens of Foretoken's own tokenizers.
    ///
    /// With its post-processor, other programs prepend the beginning-of-text token, as Foretoken's models expect.
    init(words: [[UInt8]], merges: [(left: Int32, right: Int32)], preTokenizer: PreTokenizer) {
        let names = words.map(ByteAlphabet.text)
        let (begin, end) = (Int32(words.count), Int32(words.count + 1))
        self.init(
            spellings: names, merges: merges.map { (names[Int($0.left)], names[Int($0.right)]) },
            addedTokens: [
                AddedToken(id: begin, content: Array("<|begin_of_text|>".utf8), isSpecial: true),
                AddedToken(id: end, content: Array("<|end_of_text|>".utf8), isSpecial: true),
            ],
            preTokenizer: preTokenizer, framing: TextFraming(before: [begin]))
    }

    /// The file's contents.
    package var text: [UInt8] {
        var vocabulary = JSONObject()
        for (number, spelling) in spellings.enumerated() {
            if let spelling { _ = vocabulary.insert(.integer(number), forNew: spelling) }
        }
        let value: JSONValue = [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array(addedTokens.map(Self.added)),
            "normalizer": isNormalizing ? ["type": "NFC"] : .null,
            "pre_tokenizer": preTokenizer.definition,
            "post_processor": framing == TextFraming() ? .null : postProcessor,
            "decoder": PreTokenizer.byteLevel(usesRegex: true),
            "model": [
                "type": "BPE", "dropout": .null, "unk_token": unknown.map { .string($0) } ?? .null,
                "continuing_subword_prefix": .null,
                "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": .bool(ignoresMerges),
                "vocab": .object(vocabulary),
                "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
            ],
        ]
        // Writing fails only for non-finite numbers, of which there are none.
        return Array(((try? value.text(.pretty)) ?? "").utf8) + [UInt8(ascii: "\n")]
    }

    private static func added(_ token: AddedToken) -> JSONValue {
        [
            "id": .integer(Int(token.id)), "content": .string(String(decoding: token.content, as: UTF8.self)),
            "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.takesSpaceBefore),
            "rstrip": .bool(token.takesSpaceAfter),
            "normalized": .bool(token.isNormalized), "special": .bool(token.isSpecial),
        ]
    }

    private var postProcessor: JSONValue {
        let added = AddedTokens(addedTokens)
        func name(_ token: Int32) -> String {
            added.token(token).map { String(decoding: $0.content, as: UTF8.self) } ?? "\(token)"
        }
        func pieces(_ tokens: [Int32]) -> [JSONValue] {
            tokens.map { ["SpecialToken": ["id": .string(name($0)), "type_id": 0]] }
        }
        func sequence(_ id: String, _ type: JSONValue) -> JSONValue {
            ["Sequence": ["id": .string(id), "type_id": type]]
        }
        let single = pieces(framing.before) + [sequence("A", 0)] + pieces(framing.after)
        var special = JSONObject()
        for token in framing.before + framing.after {
            let name = name(token)
            special[name] = [
                "id": .string(name), "ids": .array([.integer(Int(token))]), "tokens": .array([.string(name)]),
            ]
        }
        return [
            "type": "TemplateProcessing", "single": .array(single),
            "pair": .array(single + [sequence("B", 1)] + pieces(framing.after)), "special_tokens": .object(special),
        ]
    }
}
