import ForetokenFiles

extension MetaspaceTokenizer {
    /// Reads a `tokenizer.json` in Hugging Face's format.
    ///
    /// Settings that affect tokens and are not supported are rejected by name.
    /// - Throws: ``TokenizerError``, `JSONError`, with file and key.
    public init(parsing bytes: [UInt8], file: String) throws {
        let value = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: file) }
        try self.init(JSONNode(value, file: file), definition: bytes)
    }

    init(_ root: JSONNode, definition: [UInt8]) throws {
        let model = try BytePairTokenizer.model(root)
        let ignored = try model["ignore_merges"]
        if try ignored.ifPresent?.bool() == true { throw ignored.unsupported("false with Metaspace") }
        let stripsFirst = try Self.stripsFirst(root["decoder"])
        var words = try TokenizerWords(model["vocab"], decode: Self.bytes(of:))
        let added = try words.readAdded(root["added_tokens"])
        let unknown = try BytePairTokenizer.unknown(model, words)
        let pieces = MetaspacePieces(
            words, merges: try words.merges(model["merges"]), unknown: unknown,
            hasByteFallback: try model["byte_fallback"].ifPresent?.bool() ?? false)
        var spaces = MetaspaceRule(
            prefix: .never, isNormalizing: false, isPreTokenizing: false, splits: false, stripsFirst: stripsFirst)
        try Self.readNormalizer(root["normalizer"], &spaces)
        try Self.readPreTokenizer(root["pre_tokenizer"], &spaces)
        self.init(
            definition: definition, pieces: pieces, spaces: spaces, addedTokens: added,
            framing: try TextFraming(root["post_processor"], vocabularySize: words.bytes.count))
    }

    /// The bytes that a token decodes to.
    private static func bytes(of spelling: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        if let byte = MetaspacePieces.byte(spelled: spelling) { return [byte] }
        var result: [UInt8] = []
        var position = 0
        while position < spelling.count {
            if spelling[position...].starts(with: [0xE2, 0x96, 0x81]) {
                result.append(UInt8(ascii: " "))
                position += 3
            } else {
                result.append(spelling[position])
                position += 1
            }
        }
        return result
    }

    private static func readNormalizer(_ node: JSONNode, _ spaces: inout MetaspaceRule) throws {
        guard node.ifPresent != nil else { return }
        switch try node["type"].string() {
        case "Sequence": for step in try node["normalizers"].array() { try readNormalizer(step, &spaces) }
        case "Prepend":
            let prepend = try node["prepend"]
            guard prepend.value == "\u{2581}", spaces.prefix == .never else { throw prepend.unsupported("one '▁'") }
            spaces.prefix = .everyPiece
        case "Replace":
            try requireSpace(node, from: " ", to: "\u{2581}")
            spaces.isNormalizing = true
        default: throw try node["type"].unsupported("Prepend and Replace")
        }
    }

    private static func requireSpace(_ node: JSONNode, from old: JSONValue, to new: JSONValue) throws {
        let (pattern, content) = (try node["pattern"]["String"], try node["content"])
        guard pattern.value == old else { throw pattern.unsupported(try old.text()) }
        guard content.value == new else { throw content.unsupported(try new.text()) }
    }

    private static func readPreTokenizer(_ node: JSONNode, _ spaces: inout MetaspaceRule) throws {
        guard node.ifPresent != nil else { return }
        guard try node["type"].string() == "Metaspace" else {
            throw try node["type"].unsupported("Metaspace and ByteLevel")
        }
        guard spaces.prefix == .never, !spaces.isNormalizing else {
            throw try node["type"].unsupported("Metaspace without the normalizers Prepend and Replace")
        }
        let replacement = try node["replacement"]
        guard replacement.value == "\u{2581}" else { throw replacement.unsupported("▁") }
        spaces.isPreTokenizing = true
        // `split` defaults to true, `prepend_scheme` to always.
        spaces.splits = try node["split"].ifPresent?.bool() ?? true
        let scheme = try node["prepend_scheme"]
        switch try scheme.ifPresent?.string() ?? "always" {
        case "always": spaces.prefix = .everyWord
        case "first": spaces.prefix = .firstWord
        case "never": break
        default: throw scheme.unsupported("always, first and never")
        }
        // Before `prepend_scheme` there was a flag.
        let flag = try node["add_prefix_space"]
        if try flag.ifPresent?.bool() == false, spaces.prefix != .never { throw flag.unsupported("true") }
    }

    /// Reads the decoder: whether it removes the first space of a text.
    private static func stripsFirst(_ node: JSONNode) throws -> Bool {
        if try node["type"].string() == "Metaspace" {
            return try node["prepend_scheme"].ifPresent?.string() != "never"
        }
        var strips = false
        for step in try node["decoders"].array() {
            switch try step["type"].string() {
            case "Replace": try requireSpace(step, from: "\u{2581}", to: " ")
            case "ByteFallback", "Fuse": break
            case "Strip":
                let (content, stop) = (try step["content"], try step["stop"])
                guard content.value == " " else { throw content.unsupported("a space") }
                guard stop.value == 0 else { throw stop.unsupported("0") }
                strips = try step["start"].integer(in: 0...1) == 1
            default: throw try step["type"].unsupported("Replace, ByteFallback, Fuse and Strip")
            }
        }
        return strips
    }
}
