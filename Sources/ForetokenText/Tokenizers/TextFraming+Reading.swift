package import ForetokenFiles

extension TextFraming {
    /// Reads `post_processor`: `TemplateProcessing`, `RobertaProcessing` and `BertProcessing` add tokens to a text, `ByteLevel` none,
    /// and a `Sequence` those of its steps.
    package init(_ node: JSONNode, vocabularySize: Int) throws {
        self.init()
        guard node.ifPresent != nil else { return }
        switch try node["type"].string() {
        case "ByteLevel": break
        case "TemplateProcessing": try readTemplate(node, vocabularySize)
        case "RobertaProcessing", "BertProcessing":
            before = [try Self.pair(node["cls"], vocabularySize)]
            after = [try Self.pair(node["sep"], vocabularySize)]
        case "Sequence":
            for step in try node["processors"].array() {
                let inner = try TextFraming(step, vocabularySize: vocabularySize)
                before = inner.before + before
                after += inner.after
                try requireShort(node)
            }
        default:
            throw try node["type"].unsupported(
                "TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel and Sequence")
        }
    }

    /// The token of `["</s>", 2]`.
    private static func pair(_ node: JSONNode, _ vocabularySize: Int) throws -> Int32 {
        let pair = try node.array()
        guard pair.count == 2 else { throw node.wrongType("a token's text and its number") }
        _ = try pair[0].string()
        return Int32(try pair[1].integer(in: 0...max(0, vocabularySize - 1)))
    }

    /// A file may name a list of tokens many times.
    private static let longest = 1000

    private func requireShort(_ node: JSONNode) throws {
        guard before.count + after.count <= Self.longest else {
            throw node.unsupported("at most \(Self.longest) tokens around a text")
        }
    }

    /// Reads the template of a single text: the tokens before and after `$A`.
    private mutating func readTemplate(_ node: JSONNode, _ vocabularySize: Int) throws {
        var isAfterText = false
        let single = try node["single"]
        for piece in try single.array() {
            if let special = try piece["SpecialToken"].ifPresent {
                let name = try special["id"].string()
                let ids = try node["special_tokens"][name]["ids"].array().map {
                    Int32(try $0.integer(in: 0...max(0, vocabularySize - 1)))
                }
                if isAfterText { after += ids } else { before += ids }
                try requireShort(single)
            } else {
                let text = try piece["Sequence"]["id"]
                guard try text.string() == "A", !isAfterText else { throw text.unsupported("one A") }
                isAfterText = true
            }
        }
        guard isAfterText else { throw single.unsupported("a template with the text, A") }
    }
}
