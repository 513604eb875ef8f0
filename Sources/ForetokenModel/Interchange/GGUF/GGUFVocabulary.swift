import ForetokenFiles
import ForetokenFormats
import ForetokenText

/// The tokenizer, special tokens and chat templates of a GGUF file, as the files of a Hugging Face folder.
struct GGUFVocabulary {
    /// Tokenizer, its settings, generation settings and chat templates.
    let files: [CompanionFile]
    /// The token put before texts.
    let prepended: Int32?
    /// The token that ends documents.
    let end: Int32?
    let tokenRoles: TokenRoles
    /// Why there is no tokenizer among the files, in sentences.
    let notes: [String]
    /// The error that says so.
    let failure: (any Error)?

    private static let prefix = "tokenizer.ggml."

    /// Reads a file's vocabulary; a tokenizer that is not supported becomes a note.
    ///
    /// - Throws: `GGUFError` for token numbers and templates of the wrong type or out of range.
    init(_ file: GGUFFile, rows: Int) throws {
        func token(_ name: String) throws -> Int32? {
            let key = "\(Self.prefix)\(name)_token_id"
            guard let number = try file.integer(key, in: -1...Int(UInt32.max)) else { return nil }
            // Converters write -1 for none.
            if number == -1 || number == Int(UInt32.max) { return nil }
            guard number < rows else {
                throw GGUFError.metadata(
                    file: file.file, key: key, reason: "\(number) is outside the vocabulary of \(rows)")
            }
            return Int32(number)
        }
        let (begin, end, padding) = (try token("bos"), try token("eos"), try token("padding"))
        var ends: [Int32] = []
        for other in [try token("eot"), try token("eom")].compactMap(\.self) where other != end && !ends.contains(other)
        {
            ends.append(other)
        }
        let roles = Roles(begin: begin, end: end, padding: padding, unknown: try token("unknown"))
        let model = try file.text("\(Self.prefix)model") ?? "no_vocab"
        let pre = try file.text("\(Self.prefix)pre")
        // llama.cpp's defaults.
        let addsBegin =
            try file.bool("\(Self.prefix)add_bos_token")
            ?? (model == "llama" || GGUFPreTokenizer(pre)?.prepends == true)
        let addsEnd = try file.bool("\(Self.prefix)add_eos_token") ?? false
        var files: [CompanionFile] = []
        var failure: (any Error)?
        do {
            files.append(
                try Self.tokenizer(
                    file, model: model, pre: pre, rows: rows, roles: roles,
                    template: (addsBegin ? begin : nil, addsEnd ? end : nil)))
            files.append(
                try Self.settings(
                    file, roles: roles, addsBegin: addsBegin, addsEnd: addsEnd,
                    class: files[0].name == "tokenizer.model" ? "LlamaTokenizer" : "PreTrainedTokenizerFast"))
        } catch {
            failure = error
        }
        let generation = GenerationSettings.value(
            beginning: begin, ends: [end].compactMap(\.self) + ends, padding: padding)
        files.append(
            CompanionFile(name: GenerationSettings.name, bytes: try Self.bytes(generation), in: file.file))
        files += try Self.templates(file)
        self.files = files
        self.failure = failure
        prepended = addsBegin ? begin : nil
        self.end = end
        tokenRoles = TokenRoles(beginning: addsBegin ? nil : begin, padding: padding, ends: ends)
        notes = failure.map { ["the tokenizer cannot be used: \($0)"] } ?? []
    }

    /// Tokens by role.
    struct Roles {
        let begin, end, padding, unknown: Int32?

        var named: [(name: String, token: Int32)] {
            [("bos_token", begin), ("eos_token", end), ("pad_token", padding), ("unk_token", unknown)].compactMap {
                (name, token) in token.map { (name, $0) }
            }
        }
    }

    private static func tokenizer(
        _ file: GGUFFile, model: String, pre: String?, rows: Int, roles: Roles,
        template: (before: Int32?, after: Int32?)
    ) throws -> CompanionFile {
        func companion(_ name: String, _ bytes: [UInt8]) -> CompanionFile {
            CompanionFile(name: name, bytes: bytes, in: file.file)
        }
        if model == "gpt2" || model == "llama",
            let definition = try GGUFBytePairs.whole(file, GGUFWords(file, rows: rows), rows: rows)
        {
            return companion("tokenizer.json", definition)
        }
        switch model {
        case "gpt2":
            let words = try GGUFWords(file, rows: rows)
            return companion(
                "tokenizer.json", try GGUFBytePairs.definition(file, words, pre: pre, template: template))
        case "llama":
            let pieces = try GGUFPieces(file, GGUFWords(file, rows: rows), roles: roles)
            if let definition = try pieces.definition(template: template) {
                return companion("tokenizer.json", definition)
            }
            return companion("tokenizer.model", pieces.model)
        case "no_vocab", "none":
            throw GGUFError.metadata(
                file: file.file, key: "\(prefix)model", reason: "the file has no tokenizer; give the model's folder")
        default:
            throw ModelError.otherModel(
                file: file.file, key: "\(prefix)model", value: model,
                supported: "gpt2 (byte-level BPE), llama (SentencePiece)")
        }
    }

    /// `tokenizer_config.json`, with which transformers opens the tokenizer.
    private static func settings(
        _ file: GGUFFile, roles: Roles, addsBegin: Bool, addsEnd: Bool, class name: String
    ) throws -> CompanionFile {
        var settings = JSONObject()
        settings["tokenizer_class"] = .string(name)
        settings["clean_up_tokenization_spaces"] = false
        settings["add_bos_token"] = .bool(addsBegin)
        settings["add_eos_token"] = .bool(addsEnd)
        let words = try file.strings("\(prefix)tokens") ?? []
        for (name, token) in roles.named where Int(token) < words.count {
            settings[name] = .string(String(decoding: words[Int(token)], as: UTF8.self))
        }
        return CompanionFile(name: "tokenizer_config.json", bytes: try bytes(.object(settings)), in: file.file)
    }

    /// The chat template, and those with names of their own.
    private static func templates(_ file: GGUFFile) throws -> [CompanionFile] {
        let key = "tokenizer.chat_template"
        var files: [CompanionFile] = []
        if let template = try file.text(key) {
            files.append(CompanionFile(name: "chat_template.jinja", bytes: Array(template.utf8), in: file.file))
        }
        for other in file.keys where other.hasPrefix("\(key).") {
            let name = other.dropFirst(key.utf8.count + 1)
            guard !name.isEmpty, name.utf8.count <= 64,
                name.utf8.allSatisfy({ byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
                        || byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                })
            else {
                throw GGUFError.metadata(
                    file: file.file, key: other, reason: "a template's name must be letters, digits, '_' and '-'")
            }
            guard let template = try file.text(other) else { continue }
            files.append(
                CompanionFile(
                    name: "additional_chat_templates/\(name).jinja", bytes: Array(template.utf8), in: file.file))
        }
        return files
    }

    private static func bytes(_ value: JSONValue) throws -> [UInt8] { Array("\(try value.text(.pretty))\n".utf8) }
}
