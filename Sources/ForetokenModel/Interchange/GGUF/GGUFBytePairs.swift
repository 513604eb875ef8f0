import ForetokenFiles
import ForetokenFormats
import ForetokenText

/// A byte-level BPE vocabulary of a GGUF file as a `tokenizer.json`.
enum GGUFBytePairs {
    /// The `tokenizer.json` that a file holds as a whole (`tokenizer.huggingface.json`), if it agrees with the file's tokens.
    ///
    /// - Throws: ``ModelError/disagreement(file:key:found:expected:)`` if it does not; `TokenizerError`, `JSONError`.
    static func whole(_ file: GGUFFile, _ words: GGUFWords, rows: Int) throws -> [UInt8]? {
        let key = GGUFTokenizer.wholeKey
        guard let bytes = try file.bytes(key) else { return nil }
        let tokenizer = try TokenizerFile.tokenizer(parsing: bytes, file: "\(file.file): \(key)")
        guard tokenizer.vocabularySize <= rows else {
            throw ModelError.disagreement(
                file: file.file, key: key, found: "a vocabulary of \(tokenizer.vocabularySize)",
                expected: "at most \(rows)")
        }
        let written = try GGUFTokenizer.tokens(tokenizer.definition, rows: rows).words
        let count = max(words.words.count, tokenizer.vocabularySize)
        // Rows after the last token have no text that matters.
        let isSame = zip(written, words.words).prefix(count).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
        guard isSame, words.words.count >= tokenizer.vocabularySize else {
            throw ModelError.disagreement(
                file: file.file, key: key, found: "another vocabulary", expected: "that of tokenizer.ggml.tokens")
        }
        return bytes
    }

    /// A `tokenizer.json` for a file's tokens and merges; `template`: the tokens before and after every text.
    ///
    /// - Throws: `GGUFError`, ``ModelError``, naming the key.
    static func definition(
        _ file: GGUFFile, _ words: GGUFWords, pre: String?, template: (before: Int32?, after: Int32?)
    ) throws -> [UInt8] {
        guard let kind = GGUFPreTokenizer(pre) else {
            throw ModelError.otherModel(
                file: file.file, key: "tokenizer.ggml.pre", value: pre ?? "a missing name",
                supported: GGUFPreTokenizer.names.joined(separator: ", "))
        }
        var vocabulary = JSONObject()
        var added: [JSONValue] = []
        for (id, (word, type)) in zip(words.words, words.kinds).enumerated() {
            if type == .unused { continue }
            guard vocabulary.insert(.integer(id), forNew: word) else {
                throw GGUFError.metadata(
                    file: file.file, key: "tokenizer.ggml.tokens",
                    reason: "token \(id) is there twice: \(word.quotedForMessage())")
            }
            if type != .normal { added.append(addedToken(word, id, isSpecial: type != .userDefined)) }
        }
        let value: JSONValue = [
            "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
            "normalizer": kind.isNormalizing ? ["type": "NFC"] : .null,
            "pre_tokenizer": kind.definition,
            "post_processor": self.template(template, words.words) ?? byteLevel(usesRegex: true),
            "decoder": byteLevel(usesRegex: true),
            "model": [
                "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
                "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": .bool(kind.ignoresMerges), "vocab": .object(vocabulary),
                "merges": .array(try merges(file)),
            ],
        ]
        return Array(try value.text(.pretty).utf8) + [UInt8(ascii: "\n")]
    }

    static func addedToken(_ word: String, _ id: Int, isSpecial: Bool) -> JSONValue {
        [
            "id": .integer(id), "content": .string(word), "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": .bool(isSpecial),
        ]
    }

    private static func merges(_ file: GGUFFile) throws -> [JSONValue] {
        let key = "tokenizer.ggml.merges"
        guard let merges = try file.strings(key) else {
            throw GGUFError.metadata(file: file.file, key: key, reason: "is missing")
        }
        return try merges.enumerated().map { number, bytes in
            // As in llama.cpp, the first byte is part of the first token.
            guard let blank = bytes.dropFirst().firstIndex(of: UInt8(ascii: " ")),
                let left = String(validating: bytes[..<blank], as: UTF8.self),
                let right = String(validating: bytes[(blank + 1)...], as: UTF8.self)
            else {
                throw GGUFError.metadata(
                    file: file.file, key: key, reason: "element \(number) is not two tokens with a space between them")
            }
            return .array([.string(left), .string(right)])
        }
    }

    private static func byteLevel(usesRegex: Bool) -> JSONValue {
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": .bool(usesRegex)]
    }

    /// The post-processor with which other programs put the tokens before and after every text that the file asks for; nil for
    /// none.
    static func template(_ template: (before: Int32?, after: Int32?), _ words: [String]) -> JSONValue? {
        let tokens = [template.before, template.after].compactMap(\.self).filter { Int($0) < words.count }
        guard !tokens.isEmpty else { return nil }
        func special(_ token: Int32?) -> [JSONValue] {
            guard let token, Int(token) < words.count else { return [] }
            return [["SpecialToken": ["id": .string(words[Int(token)]), "type_id": 0]]]
        }
        func sequence(_ id: String, _ type: JSONValue) -> [JSONValue] {
            [["Sequence": ["id": .string(id), "type_id": type]]]
        }
        let (before, after) = (special(template.before), special(template.after))
        var object = JSONObject()
        for token in tokens {
            let word = words[Int(token)]
            object[word] = [
                "id": .string(word), "ids": .array([.integer(Int(token))]), "tokens": .array([.string(word)]),
            ]
        }
        return [
            "type": "TemplateProcessing", "single": .array(before + sequence("A", 0) + after),
            "pair": .array(before + sequence("A", 0) + after + before + sequence("B", 1) + after),
            "special_tokens": .object(object),
        ]
    }
}
