public import ArgumentParser
import ForetokenFiles
import ForetokenFormats
public import ForetokenModel
import ForetokenReport
import Foundation

struct Convert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Convert a model from one format to another.",
        discussion: """
            IN is a run or model folder, a folder of Meta's multi-token models (consolidated.pth and params.json), a \
            Hugging Face folder of a dense Llama, Mistral, Qwen 2, Qwen 3 or MiMo-7B (safetensors), its name on the Hub if it is in \
            the cache of downloads, or a GGUF file of one (F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q5_1, Q5_0, Q4_1, Q4_0), \
            which is read as a model with one head. Every command's --model reads these, too. Weights are converted one \
            tensor at a time; quantized ones become float32 unless --dtype names another type or the target is GGUF, too. \
            Anything that the target format cannot hold is reported; heads are dropped only with --drop-heads or --heads.

              foretoken  a model folder with all heads
              hf         a Hugging Face folder of head 1, for transformers, vLLM and others
              mimo       a Hugging Face folder of heads 1 and 2 of 'deepseek' heads, in the form of MiMo-7B's MTP layer, with \
            which vLLM drafts
              gguf       one file of head 1, for llama.cpp
              meta       consolidated.pth and params.json with all heads, as Meta released its multi-token models

            Examples:
              foretoken convert Llama-3.2-1B llama --to foretoken
              foretoken convert SmolLM2-135M-Instruct.Q4_1.gguf smollm --to foretoken
              foretoken convert runs/demo demo-hf --to hf --drop-heads --dtype bf16
              foretoken convert runs/deepseek demo-mtp --to mimo --heads 2 --dtype bf16
              foretoken convert runs/demo demo.gguf --to gguf --drop-heads --dtype q8_0
              foretoken convert runs/demo demo-2 --to foretoken --heads 2
            """)

    @Argument(help: "The model to read: a run, model folder or file of any format above.")
    var input: Path

    @Argument(help: "The folder or file to write; it must not exist yet.")
    var output: Path

    @Option(help: "The format to write.")
    var to: InterchangeFormat

    @Option(
        help: "The type that weights are stored in, q8_0 for gguf only; the model's own if omitted.")
    var dtype: StorageType?

    @Option(parsing: .unconditional, help: "The number of heads to keep, from head 1 up; all if omitted.")
    var heads: Int?

    @Flag(help: "Drop the heads that the format cannot hold.")
    var dropHeads = false

    @Option(parsing: .unconditional, help: "The largest size of one safetensors file, in bytes.")
    var shardBytes = SafetensorsCheckpoint.defaultShardSize

    @Flag(help: "Print the result as one JSON object.")
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
        try show(ConversionOutput(summary: summary), asJSON: json)
    }
}

extension InterchangeFormat: ExpressibleByArgument {}
extension StorageType: ExpressibleByArgument {}
