import ArgumentParser
import ForetokenModel

/// The shape of a model to train, and of its batches.
struct BenchShape: ParsableArguments {
    @Option(parsing: .unconditional, help: "Vocabulary size, in tokens.")
    var vocabulary = 256
    @Option(parsing: .unconditional, help: "Model width, the size of the hidden state.")
    var width = 256
    @Option(parsing: .unconditional, help: "Number of transformer blocks, trunk and prediction heads together.")
    var layers = 12
    @Option(parsing: .unconditional, help: "Number of attention heads (query heads).")
    var attentionHeads = 4
    @Option(parsing: .unconditional, help: "Number of key/value heads; as many as attention heads if omitted.")
    var keyValueHeads: Int?
    @Option(
        parsing: .unconditional,
        help:
            "Width of the SwiGLU feed-forward layer; 8/3 of the model width, rounded up to a multiple of 256, if omitted."
    )
    var feedForwardWidth: Int?
    @Option(help: "Kind of the prediction heads.")
    var headKind = HeadKind.parallel
    @Option(parsing: .unconditional, help: "Number of sequences per training step.")
    var batch = 16
    @Option(parsing: .unconditional, help: "Context length, the number of tokens per sequence.")
    var context = 256
    @Option(parsing: .unconditional, help: "CPU threads; all cores if omitted.")
    var threads: Int?
    @Option(
        parsing: .unconditional,
        help:
            "Memory for the logits that the fused objective holds at a time, in MiB; 64 on the CPU, 512 on a GPU if omitted."
    )
    var logitsMib: Int?

    func validate() throws {
        guard (1...1 << 20).contains(batch), (1...1 << 20).contains(logitsMib ?? 1), threads ?? 1 >= 1 else {
            throw ValidationError("--batch, --logits-mib and --threads must be at least 1")
        }
    }

    var logitsBytes: Int? { logitsMib.map { $0 << 20 } }

    func configuration(heads: Int) throws -> ModelConfiguration {
        let configuration = ModelConfiguration(
            vocabulary: vocabulary, width: width, layers: layers, attentionHeads: attentionHeads,
            keyValueHeads: keyValueHeads, feedForwardWidth: feedForwardWidth, heads: heads, headKind: headKind,
            contextLength: context)
        try configuration.validate()
        return configuration
    }
}
