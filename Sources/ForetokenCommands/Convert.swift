public import ArgumentParser
import ForetokenFiles
import ForetokenFormats
public import ForetokenModel
import ForetokenReport
import Foundation

struct Convert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn a model of one format into another.",
        discussion: """
            IN is a run or model folder, a folder of Meta's multi-token models (consolidated.pth and params.json), or \
            a Hugging Face folder of a dense Llama, Mistral, Qwen 2 or Qwen 3 (safetensors), which is a model of one \
            head; every command's --model takes these too. Weights are read one tensor at a time. What the target cannot hold is named, and heads are left out only on demand.

              foretoken  a model folder with all heads
              hf         a Hugging Face folder of head 1, for transformers, vLLM and others
              gguf       one file of head 1, for llama.cpp
              meta       consolidated.pth and params.json with all heads, as Meta released its multi-token models

            Examples:
              foretoken convert Llama-3.2-1B llama --to foretoken
              foretoken convert runs/demo demo-hf --to hf --drop-heads --dtype bf16
              foretoken convert runs/demo demo.gguf --to gguf --drop-heads --dtype q8_0
              foretoken convert runs/demo demo-2 --to foretoken --heads 2
            """)

    @Argument(help: "The model to read.")
    var input: Path

    @Argument(help: "The folder or file to write; must not be there.")
    var output: Path

    @Option(help: "foretoken, hf, gguf or meta.")
    var to: InterchangeFormat

    @Option(help: "How weights are stored: f32, f16, bf16, or q8_0 (gguf only); as they are if not given.")
    var dtype: StorageType?

    @Option(parsing: .unconditional, help: "Keep this many heads, head 1 first; all if not given.")
    var heads: Int?

    @Flag(help: "Leave out the heads that the format cannot hold.")
    var dropHeads = false

    @Option(parsing: .unconditional, help: "The most bytes of one safetensors file.")
    var shardBytes = SafetensorsCheckpoint.defaultShardSize

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        try require(heads, "--heads", in: 1...1024)
        try require(shardBytes, "--shard-bytes", in: 1...(.max))
    }

    @ComputeActor
    func run() async throws {
        InterruptFlag.install()
        let progress = StageProgress()
        let summary = try Conversion.run(
            from: ModelFolder.locate(input.url), to: output.url, format: to,
            options: ConversionOptions(storage: dtype, heads: heads, dropHeads: dropHeads, shardBytes: shardBytes)
        ) { bytes, total in
            if InterruptFlag.isRaised { throw ExitCode(130) }
            progress.show("MiB", bytes >> 20, total >> 20)
        }
        progress.finish()
        for note in summary.notes { Terminal.log(note) }
        let bytes = summary.files.reduce(0) { $0 + $1.bytes }
        if json {
            let value: JSONValue = [
                "heads": .integer(summary.configuration.heads), "bytes": .integer(bytes),
                "files": .array(summary.files.map { .string($0.name) }),
                "dropped": .array(summary.dropped.map(JSONValue.string)),
                "notes": .array(summary.notes.map(JSONValue.string)),
            ]
            return print(try value.text())
        }
        for name in summary.dropped { print("left out: \(name)") }
        var table = TextTable(["file", "bytes"])
        for file in summary.files { table.add([file.name, Formatting.bytes(Double(file.bytes))]) }
        print(table.terminalText)
    }
}

extension InterchangeFormat: ExpressibleByArgument {}
extension StorageType: ExpressibleByArgument {}
