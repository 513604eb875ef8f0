import ForetokenDecoding
import ForetokenFiles
import ForetokenReport

/// Seconds of decoding passes by their width.
struct DecodeBenchmarkOutput: CommandOutput {
    let result: DecodeBenchmark
    let format: WeightFormat
    /// Prediction heads of the model.
    let heads: Int

    var jsonLine: String {
        get throws {
            let first = result.widths[0]
            let value: JSONValue = [
                "batch": .integer(result.batch), "passWidths": .array(result.widths.map { .integer($0.tokens) }),
                "secondsPerPass": .array(result.widths.map { .finite($0.seconds) }),
                "tokensPerSecond": .finite(first.tokensPerSecond),
                "bytesPerSecond": .finite(first.bytesPerSecond),
                "streamBytesPerSecond": result.streamRate.map(JSONValue.finite) ?? .null,
                "draftSeconds": .finite(result.draftSeconds),
                "bytesPerPass": .integer(result.bytesPerPass),
                "weights": .string(format.rawValue),
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        let base = result.widths[0]
        var table = TextTable([
            "tokens per pass", "time", "relative to \(base.tokens) token\(base.tokens == 1 ? "" : "s")",
            "weights read at",
        ])
        for width in result.widths {
            table.add([
                String(width.tokens), Formatting.fixed(width.seconds * 1e6, 1) + " us",
                Formatting.fixed(width.seconds / base.seconds, 2) + "x", Formatting.count(width.bytesPerSecond) + "B/s",
            ])
        }
        var lines = [table.terminalText]
        if result.draftSeconds > 0 {
            lines.append(
                "drafting with all \(heads) heads: \(Formatting.fixed(result.draftSeconds * 1e6, 1)) us")
        }
        if let rate = result.streamRate { lines.append("sequential memory reads: \(Formatting.count(rate))B/s") }
        return lines.joined(separator: "\n")
    }
}
