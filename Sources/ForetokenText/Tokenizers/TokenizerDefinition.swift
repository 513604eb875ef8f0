import ForetokenFiles

/// Writes a `tokenizer.json` for a byte-level BPE vocabulary followed by two special tokens.
struct TokenizerDefinition {
    /// The bytes of each token in order.
    let words: [[UInt8]]
    /// The merges in rank order.
    let merges: [(left: Int32, right: Int32)]
    let preTokenizer: PreTokenizer

    /// The file's contents. With its post-processor, other programs prepend the beginning-of-text token, as Foretoken's models
    /// expect.
    var text: [UInt8] {
        let begin = "<|begin_of_text|>"
        let names = words.map(ByteAlphabet.text)
        var vocabulary = JSONObject()
        for (number, name) in names.enumerated() { vocabulary[name] = .integer(number) }
        func added(_ content: String, _ id: Int) -> JSONValue {
            [
                "id": .integer(id), "content": .string(content), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            ]
        }
        func sequence(_ id: String, _ type: JSONValue) -> JSONValue {
            ["Sequence": ["id": .string(id), "type_id": type]]
        }
        let special: JSONValue = ["SpecialToken": ["id": .string(begin), "type_id": 0]]
        let value: JSONValue = [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array([added(begin, words.count), added("<|end_of_text|>", words.count + 1)]),
            "normalizer": .null,
            "pre_tokenizer": preTokenization,
            "post_processor": [
                "type": "TemplateProcessing", "single": .array([special, sequence("A", 0)]),
                "pair": .array([special, sequence("A", 0), sequence("B", 1)]),
                "special_tokens": .object(Self.template(begin, words.count)),
            ],
            "decoder": Self.byteLevel(usesRegex: true),
            "model": [
                "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
                "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": .object(vocabulary),
                "merges": .array(
                    merges.map { .array([.string(names[Int($0.left)]), .string(names[Int($0.right)])]) }),
            ],
        ]
        // Writing fails only for non-finite numbers, of which there are none.
        return Array(((try? value.text(.pretty)) ?? "").utf8) + [UInt8(ascii: "\n")]
    }

    private static func template(_ name: String, _ id: Int) -> JSONObject {
        var object = JSONObject()
        object[name] = ["id": .string(name), "ids": .array([.integer(id)]), "tokens": .array([.string(name)])]
        return object
    }

    private static func byteLevel(usesRegex: Bool) -> JSONValue {
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": .bool(usesRegex)]
    }

    private var preTokenization: JSONValue {
        if preTokenizer == .smollm {
            let digits: JSONValue = ["type": "Digits", "individual_digits": true]
            return ["type": "Sequence", "pretokenizers": .array([digits, Self.byteLevel(usesRegex: true)])]
        }
        guard let pattern = preTokenizer.patterns.first, preTokenizer != .gpt2 else {
            return Self.byteLevel(usesRegex: preTokenizer == .gpt2)
        }
        let split: JSONValue = [
            "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false,
        ]
        return ["type": "Sequence", "pretokenizers": .array([split, Self.byteLevel(usesRegex: false)])]
    }
}
