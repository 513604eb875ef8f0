import ForetokenFiles
import ForetokenPlatform
import ForetokenText

/// The tokens with a role that the files of a Hugging Face folder name: `config.json`, `generation_config.json`,
/// `tokenizer_config.json` and `tokenizer.json`.
struct FolderTokens {
    /// What is put before a text.
    enum Prepended: Equatable {
        /// The tokenizer's file says so: this token, or none.
        case token(Int32?)
        /// No file says so.
        case unknown
    }

    /// The beginning of text that the files name.
    private(set) var beginning: Int32?
    private(set) var padding: Int32?
    /// Every end of text that a file names, those of `config.json` first.
    private(set) var ends: [Int32] = []
    private(set) var prepended = Prepended.unknown

    /// Reads the files of a folder; tokens of files other than `config.json` that the vocabulary lacks cannot occur and are left
    /// out.
    ///
    /// - Throws: `JSONError`, ``ModelError``, naming file and key.
    init(_ folder: URL, config: JSONNode, vocabulary: Int) throws {
        func isToken(_ token: Int32) -> Bool { token < vocabulary }
        func read(_ name: String) throws -> JSONNode? {
            guard let url = try FolderLinks.existing(name, in: folder) else { return nil }
            return try JSONNode(contentsOf: url)
        }
        beginning = try HuggingFaceConfiguration.tokens(config["bos_token_id"]).first
        ends = try HuggingFaceConfiguration.tokens(config["eos_token_id"])
        padding = try Self.padding(config).flatMap { isToken($0) ? $0 : nil }
        if let generation = try read("generation_config.json") {
            ends += try HuggingFaceConfiguration.tokens(generation["eos_token_id"]).filter(isToken)
            beginning =
                try beginning ?? HuggingFaceConfiguration.tokens(generation["bos_token_id"]).first { isToken($0) }
            padding = try padding ?? Self.padding(generation).flatMap { isToken($0) ? $0 : nil }
        }
        let settings = try read("tokenizer_config.json")
        // A tokenizer that cannot be read is reported where it is opened.
        let definition = try FolderLinks.existing(TokenizerFile.name, in: folder).flatMap {
            try? JSONNode(contentsOf: $0)
        }
        if let settings {
            let numbers = try Self.numbers(settings, definition)
            func token(_ role: String) throws -> Int32? {
                guard let node = try settings[role].ifPresent else { return nil }
                // A text, or an object with the text.
                if case .object = node.value { return try numbers[Array(node["content"].string().utf8)] }
                return try numbers[Array(node.string().utf8)]
            }
            ends += [try token("eos_token")].compactMap(\.self).filter(isToken)
            beginning = try beginning ?? token("bos_token").flatMap { isToken($0) ? $0 : nil }
            padding = try padding ?? token("pad_token").flatMap { isToken($0) ? $0 : nil }
        }
        if let definition {
            if let framing = try? TextFraming(definition["post_processor"], vocabularySize: vocabulary) {
                prepended = .token(framing.before.first)
            }
        } else if let settings, try settings["add_bos_token"].ifPresent?.bool() == false {
            prepended = .token(nil)
        }
    }

    /// `pad_token_id`; Llama 2's files say -1 for none.
    private static func padding(_ node: JSONNode) throws -> Int32? {
        guard let number = try node["pad_token_id"].ifPresent?.integer(), number >= 0 else { return nil }
        return Int32(exactly: number)
    }

    /// The numbers of special tokens by their texts: `added_tokens_decoder` of the settings and `added_tokens` of the tokenizer.
    private static func numbers(_ settings: JSONNode, _ definition: JSONNode?) throws -> [[UInt8]: Int32] {
        var numbers: [[UInt8]: Int32] = [:]
        for token in (try? definition?["added_tokens"].ifPresent?.array()) ?? [] {
            guard let text = try? token["content"].string(), let id = try? token["id"].integer(in: 0...Int(Int32.max))
            else { continue }
            numbers[Array(text.utf8)] = Int32(id)
        }
        guard let decoder = try settings["added_tokens_decoder"].ifPresent else { return numbers }
        for (id, value) in try decoder.object() {
            let node = JSONNode(value, file: settings.file, path: JSONNode.join(decoder.path, id))
            guard let number = Int32(id), number >= 0 else { continue }
            numbers[Array(try node["content"].string().utf8)] = number
        }
        return numbers
    }
}

extension ModelConfiguration {
    /// Takes over the tokens that a folder's files name; `isOurs`: whether `config.json` says what is put before a text.
    mutating func take(_ tokens: FolderTokens) {
        setEnds(tokens.ends)
        tokenRoles.padding = tokens.padding
        if case .token(let token) = tokens.prepended { beginningOfText = token }
        tokenRoles.beginning = tokens.beginning == beginningOfText ? nil : tokens.beginning
    }
}
