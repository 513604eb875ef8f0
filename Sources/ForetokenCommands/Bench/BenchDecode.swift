public import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
public import ForetokenModel

extension HeadKind: ExpressibleByArgument {}

struct BenchDecode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Measure the time of a decoding pass by its number of tokens.",
        discussion: """
            Measures a model, or a model shape with random weights. Speculative decoding verifies several tokens in one \
            forward pass: the less such a pass costs relative to a single-token pass, the more of the tokens per forward \
            pass becomes speed.

            Examples:
              foretoken bench decode --model runs/demo
              foretoken bench decode --vocabulary 32000 --width 768 --layers 12 --attention-heads 12 --weights int8
            """)

    @Option(
        help: "A run or model folder; if omitted, a model of the shape below with random weights.",
        completion: .directory)
    var model: Path?
    @Option(parsing: .unconditional, help: "Vocabulary size, in tokens.")
    var vocabulary = 32_000
    @Option(parsing: .unconditional, help: "Model width, the size of the hidden state.")
    var width = 768
    @Option(parsing: .unconditional, help: "Number of transformer blocks, trunk and prediction heads together.")
    var layers = 12
    @Option(parsing: .unconditional, help: "Number of attention heads (query heads).")
    var attentionHeads = 12
    @Option(
        parsing: .unconditional, help: "Number of key/value heads; as many as attention heads if omitted.")
    var keyValueHeads: Int?
    @Option(
        parsing: .unconditional,
        help:
            "Width of the SwiGLU feed-forward layer; 8/3 of the model width, rounded up to a multiple of 256, if omitted."
    )
    var feedForwardWidth: Int?
    @Option(parsing: .unconditional, help: "Number of prediction heads, the next-token head included.")
    var heads = 4
    @Option(help: "Kind of the prediction heads.")
    var headKind = HeadKind.parallel
    @Option(parsing: .unconditional, help: "Tokens in the key/value cache before the pass.")
    var filled = 128
    @Option(help: "Tokens per sequence in a pass: the numbers to measure, separated by commas.")
    var passWidths = "1,2,4,8"
    @Option(parsing: .unconditional, help: "Number of sequences in each pass.")
    var batch = 1
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Option(parsing: .unconditional, help: "Time to measure for, in seconds.")
    var seconds = 5.0
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        _ = try parsedPassWidths()
        try require(filled, "--filled", in: 0...(1 << 24))
        try require(batch, "--batch", in: 1...4096)
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds \(seconds): must be above 0 and at most 3600")
        }
    }

    private func parsedPassWidths() throws -> [Int] {
        guard let widths: [Int] = numbers(passWidths) else {
            throw ValidationError("--pass-widths \(passWidths): must be numbers separated by commas, such as 1,2,4")
        }
        return widths
    }

    @ComputeActor
    func run() async throws {
        let widths = try parsedPassWidths()
        let model = try load(longest: widths.max() ?? 1)
        let result = try DecodeBenchmark(model, passWidths: widths, filled: filled, batch: batch, seconds: seconds)
        try show(
            DecodeBenchmarkOutput(result: result, format: model.format, heads: model.configuration.heads), asJSON: json)
    }

    @ComputeActor
    private func load(longest: Int) throws -> DecodeModel {
        if let model { return try weights.load(model).model }
        let shape = ModelConfiguration(
            vocabulary: vocabulary, width: width, layers: layers, attentionHeads: attentionHeads,
            keyValueHeads: keyValueHeads, feedForwardWidth: feedForwardWidth, heads: heads, headKind: headKind,
            contextLength: filled + longest + 64)
        return try weights.load(RandomWeights(shape))
    }
}
