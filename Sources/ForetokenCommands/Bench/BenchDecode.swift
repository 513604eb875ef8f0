public import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
public import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

extension HeadKind: ExpressibleByArgument {}

struct BenchDecode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Seconds of a decoding pass by its width, of a model or of a shape with random weights.",
        discussion: """
            A speculative pass verifies several tokens at once; what it costs more than a pass of one token decides how much
            of tokens per forward becomes speed.

            Examples:
              foretoken bench decode --model runs/demo
              foretoken bench decode --vocabulary 32000 --width 768 --layers 12 --attention-heads 12 --weights int8
            """)

    @Option(help: "A run or model folder; without it a model of random weights.", completion: .directory)
    var model: Path?
    @Option(parsing: .unconditional, help: "V.")
    var vocabulary = 32_000
    @Option(parsing: .unconditional, help: "D.")
    var width = 768
    @Option(parsing: .unconditional, help: "All transformer blocks.")
    var layers = 12
    @Option(parsing: .unconditional, help: "H.")
    var attentionHeads = 12
    @Option(parsing: .unconditional, help: "K; H if not given.")
    var keyValueHeads: Int?
    @Option(parsing: .unconditional, help: "SwiGLU's width; 8D/3 rounded up to 256 if not given.")
    var feedForwardWidth: Int?
    @Option(parsing: .unconditional, help: "n.")
    var heads = 4
    @Option(help: "parallel or linear.")
    var headKind = HeadKind.parallel
    @Option(parsing: .unconditional, help: "Tokens in the cache before the pass.")
    var filled = 128
    @Option(help: "Tokens of a pass, separated by commas.")
    var passWidths = "1,2,4,8"
    @Option(parsing: .unconditional, help: "Sequences that share a pass, each with that many tokens.")
    var batch = 1
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Option(parsing: .unconditional, help: "Seconds to measure.")
    var seconds = 5.0
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        try require(filled, "--filled", in: 0...(1 << 24))
        try require(batch, "--batch", in: 1...4096)
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds \(seconds): must be above 0 and at most 3600")
        }
    }

    @ComputeActor
    func run() async throws {
        let widths = passWidths.split(separator: ",").compactMap { Int($0) }
        guard !widths.isEmpty else {
            throw ValidationError("--pass-widths: numbers separated by commas, such as 1,2,4")
        }
        let decoder = try load(longest: widths.max() ?? 1)
        let result = try DecodeBenchmark(decoder, passWidths: widths, filled: filled, batch: batch, seconds: seconds)
        if json { print(try value(result, decoder).text()) } else { show(result, decoder) }
    }

    @ComputeActor
    private func load(longest: Int) throws -> DecodeModel {
        if let model {
            return try weights.load(model).model
        }
        let shape = ModelConfiguration(
            vocabulary: vocabulary, width: width, layers: layers, attentionHeads: attentionHeads,
            keyValueHeads: keyValueHeads, feedForwardWidth: feedForwardWidth, heads: heads, headKind: headKind,
            context: filled + longest + 64)
        return try weights.load(RandomWeights(shape))
    }

    private func value(_ result: DecodeBenchmark, _ model: DecodeModel) -> JSONValue {
        let first = result.widths[0]
        return [
            "batch": .integer(batch), "passWidths": .array(result.widths.map { .integer($0.tokens) }),
            "secondsPerPass": .array(result.widths.map { .finite($0.seconds) }),
            "tokensPerSecond": .finite(Double(batch * first.tokens) / first.seconds),
            "bytesPerSecond": .finite(first.bytesPerSecond),
            "streamBytesPerSecond": result.streamRate.map(JSONValue.finite) ?? .null,
            "draftSeconds": .finite(result.draftSeconds),
            "bytesPerPass": .integer(model.bytesRead(heads: 1)),
            "weights": .string(model.format.rawValue),
        ]
    }

    private func show(_ result: DecodeBenchmark, _ model: DecodeModel) {
        var table = TextTable(["tokens a pass", "time", "of one token's", "weights read at"])
        let base = result.widths[0].seconds
        for width in result.widths {
            table.add([
                String(width.tokens), Formatting.fixed(width.seconds * 1e6, 1) + " us",
                Formatting.fixed(width.seconds / base, 2) + "x", Formatting.count(width.bytesPerSecond) + "B/s",
            ])
        }
        print(table.terminalText)
        if result.draftSeconds > 0 {
            print(
                "drafting with all \(model.configuration.heads) heads: \(Formatting.fixed(result.draftSeconds * 1e6, 1)) us"
            )
        }
        if let rate = result.streamRate { print("memory read in order: \(Formatting.count(rate))B/s") }
    }
}
