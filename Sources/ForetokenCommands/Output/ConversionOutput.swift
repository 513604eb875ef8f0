import ForetokenFiles
import ForetokenModel
import ForetokenReport

/// The files that `foretoken convert` wrote, and the parameters it left out.
struct ConversionOutput: CommandOutput {
    let summary: Conversion.Summary

    var jsonLine: String {
        get throws {
            let value: JSONValue = [
                "heads": .integer(summary.configuration.heads), "bytes": .integer(summary.byteCount),
                "files": .array(summary.files.map { .string($0.name) }),
                "dropped": .array(summary.dropped.map(JSONValue.string)),
                "notes": .array(summary.notes.map(JSONValue.string)),
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        var table = TextTable(["file", "bytes"])
        for file in summary.files { table.add([file.name, Formatting.bytes(Double(file.bytes))]) }
        return (summary.dropped.map { "left out: \($0)" } + [table.terminalText]).joined(separator: "\n")
    }
}
