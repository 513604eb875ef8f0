import ArgumentParser
import ForetokenModel

/// The shape of a model to measure; the SwiGLU width follows as in the paper.
struct BenchShape: ParsableArguments {
    @Option(parsing: .unconditional, help: "V.")
    var vocabulary = 256
    @Option(parsing: .unconditional, help: "D.")
    var width = 256
    @Option(parsing: .unconditional, help: "All transformer blocks, trunk and block heads.")
    var layers = 12
    @Option(parsing: .unconditional, help: "H, query heads of attention.")
    var attentionHeads = 4
    @Option(parsing: .unconditional, help: "K, key/value heads of attention; H if not given.")
    var keyValueHeads: Int?
    @Option(parsing: .unconditional, help: "SwiGLU width; 8D/3 rounded up to a multiple of 256 if not given.")
    var feedForwardWidth: Int?
    @Option(help: "What the heads are: \(HeadKind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var headKind = HeadKind.parallel
    @Option(parsing: .unconditional, help: "B, sequences of a step.")
    var batch = 16
    @Option(parsing: .unconditional, help: "T, tokens of a sequence.")
    var context = 256
    @Option(parsing: .unconditional, help: "CPU threads; all if not given.")
    var threads: Int?
    @Option(
        parsing: .unconditional,
        help: "The most logits that the fused objective holds, in MiB; 64 on the CPU and 512 on a GPU if not given.")
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
            context: context)
        try configuration.validate()
        return configuration
    }
}
