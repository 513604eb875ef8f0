import ArgumentParser
import ForetokenCommands
import ForetokenDecoding
import ForetokenFiles
import ForetokenTraining
import Foundation

struct Loss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: TorchAbstract.loss,
        discussion: """
            The acceptance of head i is how often its most likely token is the data's, given that those of heads 1 to i-1 \
            are; the cumulative acceptance is how often all of them are. A degenerate model accepts everything, so compare \
            bits per byte as well.

            Examples:
              foretoken evaluate loss --model runs/demo --data data/validation.tokens
              foretoken evaluate loss --model runs/x --data code/validation.tokens --data prose/validation.tokens
              foretoken evaluate loss --model runs/x --data v.tokens --temperature 0.8
            """)

    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path
    @Option(
        help: "A token shard; if given more than once, each shard is measured separately.",
        completion: .file(extensions: ["tokens"]))
    var data: [Path]
    @Option(
        parsing: .unconditional, help: "Batches of 8 sequences to measure from the beginning of each shard, at most.")
    var batches = 50
    @Option(
        help: """
            The length of a sequence, in tokens, at most the model's context length; if omitted, that, or 4,096 if it is \
            longer.
            """)
    var sequenceLength: Int?
    @Option(
        help: """
            Also compute the acceptance rate of drafts sampled at this temperature, on 16,384 tokens of each shard; not \
            computed if omitted.
            """)
    var temperature: Double?
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        try require(batches, "--batches", in: 1...(.max))
        if let sequenceLength { try require(sequenceLength, "--sequence-length", in: 1...(1 << 24)) }
        guard temperature ?? 1 > 0, (temperature ?? 1).isFinite else {
            throw ValidationError("--temperature must be above 0")
        }
        guard !data.isEmpty else { throw ValidationError("name a token shard with --data") }
    }

    @ComputeActor
    func run() async throws {
        let evaluation = try LossEvaluation(
            model: self.model.url, on: data.map(\.url), batches: batches, sequenceLength: sequenceLength)
        let model = evaluation.model
        let sampled = temperature.map { temperature in
            LossOutput.Sampled(
                temperature: temperature,
                acceptance: evaluation.sources.map { source in
                    SampledAcceptance(model.configuration, on: source.shard) {
                        model.distributions($0, temperature: temperature)
                    }
                })
        }
        try show(
            LossOutput(names: data.map(\.text), results: evaluation.sources.map(\.heads), sampled: sampled),
            asJSON: json)
    }
}
