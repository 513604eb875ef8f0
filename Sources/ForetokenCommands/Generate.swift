import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue a prompt and stream the text.",
        discussion: """
            Head 1 chooses every token. With speculative decoding the other heads draft the tokens that follow, and the next \
            forward pass verifies them: a draft is accepted if head 1 chooses the same token. The text is that of next-token \
            decoding, in fewer passes. On a terminal, accepted drafts are green. Ctrl-C ends the text and exits with 130.

            Examples:
              foretoken generate --model runs/demo --prompt 'def '
              foretoken generate --model runs/demo --temperature 0.8 --seed 1 --stop def
              foretoken generate --model runs/demo --decoding next-token --json
            """)

    enum Decoding: String, ExpressibleByArgument, CaseIterable {
        case speculative
        case nextToken = "next-token"
    }

    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path

    @Option(parsing: .unconditional, help: "The text to continue; empty if omitted.")
    var prompt = ""

    @Option(parsing: .unconditional, help: "The largest number of tokens to generate.")
    var maxTokens = 200

    @Option(help: "How to decode; the text is the same.")
    var decoding = Decoding.speculative

    @Option(
        parsing: .unconditional,
        help: "Heads to use in every forward pass; if omitted, the draft length is chosen for speed while decoding.")
    var heads: Int?

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @Option(
        parsing: .unconditionalSingleValue, help: "End the text before this string; may be given more than once.")
    var stop: [String] = []

    @Option(
        help:
            "A JSONL file of objects with the key 'prompt', to continue in batches into --out; a single --prompt if omitted.",
        completion: .file(extensions: ["jsonl"]))
    var prompts: Path?

    @Option(
        help: "The JSONL file for the completions of --prompts, in order; those already in it are not generated again.",
        completion: .file(extensions: ["jsonl"]))
    var out: Path?

    @Option(
        name: .customLong("samples"), parsing: .unconditional,
        help: "The number of completions of each prompt of --prompts, with the seeds --seed, --seed + 1, and so on.")
    var completions = 1

    @OptionGroup(title: "Weights")
    var weights: WeightOptions

    @Flag(help: "Print text and counts as one JSON object.")
    var json = false

    func validate() throws {
        try require(maxTokens, "--max-tokens", in: 1...(.max))
        try require(completions, "--samples", in: 1...1_000_000)
        guard (prompts == nil) == (out == nil) else { throw ValidationError("--prompts and --out need each other") }
        if prompts == nil, completions > 1 { throw ValidationError("--samples needs --prompts") }
    }

    func run() async throws {
        InterruptFlag.install()
        let (model, tokenizer, folder) = try await weights.load(model)
        let sampler = try sampling.sampler()
        if let prompts, let out {
            let digest = try weights.digest(of: folder)
            try await continueAll(
                PromptFile(contentsOf: prompts.url), to: out.url,
                LanguageModel(model, tokenizer: tokenizer), sampler, modelDigest: digest)
        } else {
            // As much cache as the machine has for the one text, decoded no further ahead than it is printed.
            var limits = BatchEngine.Limits()
            (limits.cacheBytes, limits.reusesPrefixes, limits.blocksAhead) = (.max, false, 1)
            try await stream(LanguageModel(model, tokenizer: tokenizer, limits: limits), sampler)
        }
        if InterruptFlag.isRaised { throw ExitCode(130) }
    }

    private func request(_ prompt: String, _ model: LanguageModel, _ sampler: Sampler) -> GenerationRequest {
        model.request(
            prompt, maximumTokens: maxTokens, heads: decoding == .nextToken ? 1 : heads, sampler: sampler,
            stopStrings: stop)
    }

    /// Continues one prompt, printing as it decodes.
    private func stream(_ model: LanguageModel, _ sampler: Sampler) async throws {
        let stream = try await model.engine.submit(request(prompt, model, sampler))
        let printer = StreamPrinter(isQuiet: json)
        var text = ""
        try printer.start(prompt)
        for try await pieces in stream {
            try printer.show(pieces)
            text += pieces.map(\.text).joined()
            if InterruptFlag.isRaised { break }
        }
        try printer.finish()
        let output = GenerationOutput(text: text, statistics: await stream.statistics)
        if json { print(try output.jsonLine) } else { Terminal.log(output.summary) }
    }

    /// Continues the prompts of a file in batches.
    @ComputeActor
    private func continueAll(
        _ prompts: PromptFile, to out: URL, _ model: LanguageModel, _ sampler: Sampler, modelDigest: String
    ) async throws {
        let progress = StageProgress()
        try await prompts.run(on: model.engine, completions: completions, to: out, modelDigest: modelDigest) {
            request($0, model, sampler)
        } progress: { written, total in
            progress.show("completions", written, total)
            return !InterruptFlag.isRaised
        }
        progress.finish()
        let counters = model.engine.counters
        Terminal.log(
            "\(counters.passes) forward passes, \(counters.drafts.accepted) of \(counters.drafts.proposed) drafts accepted, "
                + "\(counters.reusedPromptTokens) prompt tokens reused from the prefix cache")
    }
}
