import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

/// What is in a token shard, for `foretoken inspect`.
struct ShardSummary {
    private let shard: TokenShard
    private let lengths: [Int]
    private let document: Int
    /// The one beside the shard, if it is the one that made it.
    private let tokenizer: (any Tokenizer)?
    private let problem: String
    private static let sampleBytes = 400

    /// `document`: the one to show; if nil, one of middle length.
    init(_ shard: TokenShard, document: Int?) throws {
        self.shard = shard
        let lengths = (0..<shard.documentCount).map { shard.offset(ofDocument: $0 + 1) - shard.offset(ofDocument: $0) }
        if let document, document >= shard.documentCount {
            throw CommandFailure(
                description:
                    "\(shard.url.relativePath): there is no document \(document); it has \(shard.documentCount), counted from 0"
            )
        }
        let sorted = lengths.sorted()
        self.document = document ?? lengths.firstIndex { [middle = sorted.count / 2] in $0 == sorted[middle] } ?? 0
        self.lengths = sorted
        do {
            tokenizer = try TokenizerFile.read(
                folder: shard.url.deletingLastPathComponent(), digest: shard.tokenizerDigest, name: shard.tokenizerName)
            problem = ""
        } catch {
            tokenizer = nil
            problem = "\(error)"
        }
    }

    /// The first bytes of the document as text; control characters would reach the terminal.
    private var sample: String? {
        guard shard.documentCount > 0, let tokenizer else { return nil }
        let start = shard.offset(ofDocument: document)
        let count = min(shard.offset(ofDocument: document + 1) - start, Self.sampleBytes)
        var tokens = [Int32](repeating: 0, count: count)
        tokens.withUnsafeMutableBufferPointer { shard.copyTokens(from: start, into: $0) }
        let bytes = tokenizer.decode(tokens)
        var decoder = UTF8StreamDecoder()
        let isWhole = bytes.count < Self.sampleBytes && count < Self.sampleBytes
        let text = decoder.push(Array(bytes.prefix(Self.sampleBytes))) + (isWhole ? decoder.finish() : "")
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isPlain = scalar.properties.generalCategory != .control || scalar == "\n" || scalar == "\t"
                    return isPlain ? scalar : "\u{FFFD}"
                })) + (isWhole ? "" : "…")
    }

    private func length(_ share: Double) -> Int {
        lengths.isEmpty ? 0 : lengths[min(lengths.count - 1, Int(share * Double(lengths.count)))]
    }

    func show(json: Bool) throws {
        let empty = lengths.prefix { $0 == 0 }.count
        if json {
            let value: JSONValue = [
                "tokenizer": .string(shard.tokenizerName), "tokenizerDigest": .string(shard.tokenizerDigest),
                "documents": .integer(shard.documentCount), "emptyDocuments": .integer(empty),
                "tokens": .integer(shard.tokenCount), "bytesPerToken": .integer(shard.tokenWidth),
                "fileBytes": .integer(shard.byteCount),
                "documentTokens": [
                    "least": .integer(length(0)), "median": .integer(length(0.5)), "most": .integer(length(1)),
                ],
                "document": .integer(document), "sample": sample.map(JSONValue.string) ?? .null,
            ]
            print(try value.text())
            return
        }
        var table = TextTable(["shard", shard.url.lastPathComponent])
        table.add(["tokenizer", shard.tokenizerName.quotedForMessage(limit: 64)])
        table.add(["documents", String(shard.documentCount) + (empty > 0 ? " (\(empty) empty)" : "")])
        table.add(["tokens", String(shard.tokenCount)])
        table.add(["bytes of a token", String(shard.tokenWidth)])
        table.add(["file", Formatting.bytes(Double(shard.byteCount))])
        table.add(["tokens of a document", "\(length(0)) to \(length(1)), median \(length(0.5))"])
        print(table.terminalText)
        if let sample {
            print("\ndocument \(document) begins:\n\(sample)")
        } else if shard.documentCount > 0 {
            print("\nno text can be shown: \(problem)")
        }
    }
}
