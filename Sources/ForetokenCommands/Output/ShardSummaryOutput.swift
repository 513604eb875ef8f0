import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

/// A token shard, as `foretoken inspect` shows it.
struct ShardSummaryOutput: CommandOutput {
    let summary: ShardSummary

    private var shard: TokenShard { summary.shard }
    private var shortest: Int { summary.length(quantile: 0) }
    private var median: Int { summary.length(quantile: 0.5) }
    private var longest: Int { summary.length(quantile: 1) }

    var jsonLine: String {
        get throws {
            let value: JSONValue = [
                "tokenizer": .string(shard.tokenizerName), "tokenizerDigest": .string(shard.tokenizerDigest),
                "documents": .integer(shard.documentCount), "emptyDocuments": .integer(summary.emptyDocuments),
                "tokens": .integer(shard.tokenCount), "bytesPerToken": .integer(shard.tokenWidth),
                "fileBytes": .integer(shard.byteCount),
                "documentTokens": [
                    "least": .integer(shortest), "median": .integer(median), "most": .integer(longest),
                ],
                "document": .integer(summary.document), "sample": summary.excerpt.map(JSONValue.string) ?? .null,
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        let empty = summary.emptyDocuments
        var table = TextTable(["shard", shard.url.lastPathComponent])
        table.add(["tokenizer", shard.tokenizerName.quotedForMessage(limit: 64)])
        table.add(["documents", String(shard.documentCount) + (empty > 0 ? " (\(empty) empty)" : "")])
        table.add(["tokens", String(shard.tokenCount)])
        table.add(["bytes per token", String(shard.tokenWidth)])
        table.add(["file", Formatting.bytes(Double(shard.byteCount))])
        table.add(["tokens per document", "\(shortest) to \(longest), median \(median)"])
        if let excerpt = summary.excerpt {
            return table.terminalText + "\n\ndocument \(summary.document) begins:\n\(excerpt)"
        }
        guard shard.documentCount > 0, let problem = summary.tokenizerProblem else { return table.terminalText }
        return table.terminalText + "\n\nno text can be shown: \(problem)"
    }
}
