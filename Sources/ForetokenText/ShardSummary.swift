import ForetokenPlatform

/// The contents of a token shard: document lengths, and an excerpt of one document as text.
public struct ShardSummary: Sendable {
    /// The shard.
    public let shard: TokenShard
    /// Tokens of each document, in rising order.
    public let lengths: [Int]
    /// The document that ``excerpt`` is of, counted from 0.
    public let document: Int
    /// The document's first 400 bytes as text, without control characters; nil without a document or its tokenizer.
    public let excerpt: String?
    /// Why there is no tokenizer to decode the excerpt with; nil if there is one.
    public let tokenizerProblem: String?

    private static let excerptBytes = 400

    /// The shard has fewer documents than the number asked for.
    public struct NoSuchDocument: Error, CustomStringConvertible {
        let file: String
        let document: Int
        let count: Int

        /// The document's number and how many there are.
        public var description: String {
            "\(file): there is no document \(document); it has \(count), counted from 0"
        }
    }

    /// Summarises a shard, with the tokenizer from its folder if that is the one that made it.
    ///
    /// - Parameters:
    ///   - shard: the shard.
    ///   - document: the document to excerpt; one of median length if nil.
    /// - Throws: ``NoSuchDocument``.
    public init(_ shard: TokenShard, document: Int? = nil) throws {
        let lengths = (0..<shard.documentCount).map { shard.offset(ofDocument: $0 + 1) - shard.offset(ofDocument: $0) }
        if let document, document >= shard.documentCount {
            throw NoSuchDocument(file: shard.url.relativePath, document: document, count: shard.documentCount)
        }
        let sorted = lengths.sorted()
        let chosen = document ?? lengths.firstIndex { [middle = sorted.count / 2] in $0 == sorted[middle] } ?? 0
        (self.shard, self.lengths, self.document) = (shard, sorted, chosen)
        do {
            let tokenizer = try TokenizerFile.read(
                folder: shard.url.deletingLastPathComponent(), digest: shard.tokenizerDigest, name: shard.tokenizerName)
            excerpt = shard.documentCount > 0 ? Self.excerpt(of: chosen, in: shard, tokenizer) : nil
            tokenizerProblem = nil
        } catch {
            (excerpt, tokenizerProblem) = (nil, "\(error)")
        }
    }

    /// Documents without a token.
    public var emptyDocuments: Int { lengths.prefix { $0 == 0 }.count }

    /// The length that a share of the documents stays below: 0 the shortest, 0.5 the median, 1 the longest.
    public func length(quantile: Double) -> Int {
        lengths.isEmpty ? 0 : lengths[min(lengths.count - 1, Int(quantile * Double(lengths.count)))]
    }

    private static func excerpt(of document: Int, in shard: TokenShard, _ tokenizer: any Tokenizer) -> String {
        let start = shard.offset(ofDocument: document)
        let count = min(shard.offset(ofDocument: document + 1) - start, excerptBytes)
        var tokens = [Int32](repeating: 0, count: count)
        tokens.withUnsafeMutableBufferPointer { shard.copyTokens(from: start, into: $0) }
        let bytes = tokenizer.decode(tokens)
        var decoder = UTF8StreamDecoder()
        let isWhole = bytes.count < excerptBytes && count < excerptBytes
        let text = decoder.push(Array(bytes.prefix(excerptBytes))) + (isWhole ? decoder.finish() : "")
        // Control characters would reach the terminal.
        let printable = text.unicodeScalars.map { scalar in
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
            return isControl ? "\u{FFFD}" : scalar
        }
        return String(String.UnicodeScalarView(printable)) + (isWhole ? "" : "…")
    }
}
