import ForetokenFiles
import ForetokenReport
import ForetokenText

/// The speed of a tokenizer.
struct TokenizerBenchmarkOutput: CommandOutput {
    let result: TokenizerBenchmark

    var jsonLine: String {
        get throws {
            let value: JSONValue = [
                "megabytes": .number(result.megabytes), "tokens": .integer(result.tokens),
                "firstMegabytesPerSecond": .number(result.firstMegabytesPerSecond),
                "megabytesPerSecond": .number(result.megabytesPerSecond), "loadSeconds": .number(result.loadSeconds),
                "digest": result.digest.map(JSONValue.string) ?? .null,
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        var table = TextTable(["tokenizer", result.tokenizer])
        table.add(["text", Formatting.bytes(result.megabytes * 1e6)])
        table.add(["tokens", String(result.tokens)])
        table.add(["MB/s, first round", Formatting.fixed(result.firstMegabytesPerSecond, 1)])
        table.add(["MB/s, median of the others", Formatting.fixed(result.megabytesPerSecond, 1)])
        return table.terminalText
    }
}
