import ArgumentParser
import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

struct EvaluateDecoding: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoding",
        abstract: "Compare self-speculative with next-token decoding on held-out prompts.",
        discussion: """
            Reports tokens per forward pass, tokens per second, the acceptance rate of the drafts at each position, and the \
            speed-up: measured, and as a fraction of tokens per forward pass times the ratio of the weight bytes that a \
            next-token pass and a speculative pass read. With bf16 or int8 weights, head 1's loss is compared with that of \
            f32 weights.

            Exits with 1 if any two outputs differ, which would be a bug. On a GPU without --exact, outputs may differ at near \
            ties, and the exit code is 0.

            Examples:
              foretoken evaluate decoding --model runs/x --data data/validation.tokens
              foretoken evaluate decoding --model runs/x --data data/validation.tokens --heads 2
            """)

    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path
    @Option(
        help: "A token shard; the prompts are the beginnings of its documents.",
        completion: .file(extensions: ["tokens"])
    )
    var data: Path
    @Option(parsing: .unconditional, help: "The largest number of prompts.")
    var prompts = 8
    @Option(parsing: .unconditional, help: "The length of each prompt, in tokens; shorter documents are skipped.")
    var promptTokens = 64
    @Option(parsing: .unconditional, help: "The largest number of tokens to generate for each prompt.")
    var maxTokens = 160
    @Option(parsing: .unconditional, help: "Number of heads to use; all of the model's if omitted.")
    var heads: Int?
    @Flag(help: "Use an adaptive draft length, as 'generate' does without --heads.")
    var adaptive = false
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Flag(help: "Measure with 1, 2, … heads, and write decoding.json into the run's folder for its report.")
    var byHeads = false
    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        try require(prompts, "--prompts", in: 1...(.max))
        try require(promptTokens, "--prompt-tokens", in: 1...(.max))
        try require(maxTokens, "--max-tokens", in: 1...(.max))
    }

    @ComputeActor
    func run() async throws {
        let (model, tokenizer, _) = try weights.load(self.model)
        let evaluation = try DecodingEvaluation(
            model, tokenizer: tokenizer, prompts: TokenShard(contentsOf: data.url), settings: settings())
        if byHeads { return try compareByHeads(evaluation, isExact: model.isExact) }
        let comparison = try evaluation.compare()
        var float32 = weights
        float32.weights = .f32
        let loss = try evaluation.weightLoss { try float32.load(self.model).model }
        try show(
            DecodingComparisonOutput(result: comparison, evaluation: evaluation, loss: loss, format: weights.weights),
            asJSON: json)
        if comparison.differing > 0, model.isExact { throw ExitCode(1) }
    }

    private func settings() throws -> DecodingEvaluation.Settings {
        var settings = DecodingEvaluation.Settings()
        (settings.prompts, settings.promptTokens, settings.maximumTokens) = (prompts, promptTokens, maxTokens)
        (settings.heads, settings.isAdaptive, settings.sampler) = (heads, adaptive, try sampling.sampler())
        return settings
    }

    /// Measures by the number of heads, and keeps the result in the run's folder.
    private func compareByHeads(_ evaluation: DecodingEvaluation, isExact: Bool) throws {
        let result = try evaluation.compareByHeads()
        try show(DecodingByHeadsOutput(result: result), asJSON: json)
        if isExact, result.differs {
            Terminal.log("OUTPUTS DIFFER: see foretoken evaluate decoding --heads; nothing was written")
            throw ExitCode(1)
        }
        let run = model.url
        if FileManager.default.fileExists(atPath: RunRecord.metrics(in: run).path) {
            try result.record.write(toRun: run)
        } else {
            Terminal.log("\(run.relativePath): not a run's folder, so decoding.json is not written")
        }
    }
}
