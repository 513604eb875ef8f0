import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue a prompt, streaming.",
        discussion: """
            Head 1 decides every token. With speculative decoding the other heads propose the tokens after it, and the \
            next forward pass keeps those that equal head 1's own choice: the text is the same, in fewer passes. On a \
            terminal, accepted drafts are green. Ctrl-C ends the text and exits with 130.

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

    @Option(parsing: .unconditional, help: "The text to continue.")
    var prompt = ""

    @Option(parsing: .unconditional, help: "The most tokens to generate.")
    var maxTokens = 200

    @Option(help: "speculative or next-token.")
    var decoding = Decoding.speculative

    @Option(
        parsing: .unconditional,
        help: "Heads to use in every pass; if not given, as many of the model's as pay, measured while decoding.")
    var heads: Int?

    @OptionGroup(title: "Sampling")
    var sampling: SamplingOptions

    @Option(parsing: .unconditionalSingleValue, help: "End the text before this string; may be repeated.")
    var stop: [String] = []

    @Option(
        help: "A JSONL file of objects with 'prompt': all are continued side by side.",
        completion: .file(extensions: ["jsonl"]))
    var prompts: Path?

    @Option(
        help: "Where the continuations of --prompts go, in order; what is there already is not done again.",
        completion: .file(extensions: ["jsonl"]))
    var out: Path?

    @Option(
        parsing: .unconditional, help: "Continuations of every prompt of --prompts, with seeds --seed, --seed + 1, ...")
    var samples = 1

    @OptionGroup(title: "Weights")
    var weights: WeightOptions

    @Flag(help: "Print text and counts as one JSON object.")
    var json = false

    func validate() throws {
        try require(maxTokens, "--max-tokens", in: 1...(.max))
        try require(samples, "--samples", in: 1...1_000_000)
        guard (prompts == nil) == (out == nil) else { throw ValidationError("--prompts and --out belong together") }
        if prompts == nil, samples > 1 { throw ValidationError("--samples belongs to --prompts") }
    }

    func run() async throws {
        InterruptFlag.install()
        let (loaded, tokenizer, folder) = try await weights.load(model)
        let sampler = try sampling.sampler()
        func request(_ prompt: String) -> GenerationRequest {
            let configuration = loaded.configuration
            var request = GenerationRequest(
                prompt: configuration.tokens(of: prompt, tokenizer),
                maximumTokens: maxTokens, heads: decoding == .nextToken ? 1 : heads ?? configuration.heads,
                sampler: sampler, stopStrings: stop)
            request.isAdaptive = decoding == .speculative && heads == nil
            return request
        }
        if let prompts, let out {
            return try await Self.continueAll(
                PromptFile(contentsOf: prompts.url), samples, out, weights.fingerprint(of: folder), loaded, tokenizer,
                request)
        }
        // One text: as much cache as the machine has, and no further ahead than what is printed.
        var limits = BatchEngine.Limits()
        (limits.cacheBytes, limits.reusesPrefixes, limits.blocksAhead) = (.max, false, 1)
        let stream = try await BatchEngine(loaded, tokenizer: tokenizer, limits: limits).submit(request(prompt))
        let printer = StreamPrinter(isQuiet: json)
        var text = ""
        try printer.start(prompt)
        for try await pieces in stream {
            try printer.show(pieces)
            text += pieces.map(\.text).joined()
            if InterruptFlag.isRaised { break }
        }
        try printer.finish()
        let statistics = await stream.statistics
        if json {
            print(try Self.report(text, statistics).text())
        } else {
            Terminal.log(
                "\(statistics.tokens.count) tokens, \(Formatting.fixed(statistics.tokensPerForward, 2)) a forward, "
                    + "\(Formatting.fixed(statistics.tokensPerSecond, 0)) tokens/s, "
                    + "\(statistics.stopReason?.rawValue ?? "interrupted")")
        }
        if InterruptFlag.isRaised { throw ExitCode(130) }
    }

    /// Continues the prompts of a file side by side.
    @ComputeActor
    private static func continueAll(
        _ prompts: PromptFile, _ samples: Int, _ out: Path, _ fingerprint: String, _ model: DecodeModel,
        _ tokenizer: any Tokenizer, _ request: (String) -> GenerationRequest
    ) async throws {
        let engine = BatchEngine(model, tokenizer: tokenizer)
        let progress = ProgressLine(total: prompts.prompts.count * samples)
        let begin = ContinuousClock().now
        var first: Int?
        try await prompts.run(
            on: engine, samples: samples, to: out.url, fingerprint: fingerprint, request: request
        ) { written, total in
            let done = written - (first ?? written)
            first = first ?? written
            let seconds = (ContinuousClock().now - begin) / .seconds(1)
            let left = done > 0 ? Formatting.duration(seconds / Double(done) * Double(total - written)) : "?"
            progress.show(written, "\(written)/\(total) texts, \(left) left")
            return !InterruptFlag.isRaised
        }
        progress.finish()
        let counters = engine.counters
        Terminal.log(
            "\(counters.passes) passes, \(counters.drafts.accepted) of \(counters.drafts.proposed) drafts accepted, "
                + "\(counters.reusedPromptTokens) tokens of prompts reused")
        if InterruptFlag.isRaised { throw ExitCode(130) }
    }

    static func report(_ text: String, _ statistics: GenerationStatistics) -> JSONValue {
        var object = JSONObject()
        object["text"] = .string(text)
        object["tokens"] = .array(statistics.tokens.map { .integer(Int($0)) })
        object["forwards"] = .integer(statistics.forwards)
        object["tokensPerForward"] = .finite(statistics.tokensPerForward)
        for (key, value) in statistics.drafts.json { object[key] = value }
        object["tokensPerSecond"] = .finite(statistics.tokensPerSecond)
        object["secondsPerPass"] = .finite(statistics.secondsPerPass)
        object["prefillSeconds"] = .finite(statistics.prefillSeconds)
        object["stopReason"] = .string(statistics.stopReason?.rawValue ?? "interrupted")
        return .object(object)
    }
}

/// Writes text as it comes, accepted drafts in green where the terminal allows.
struct StreamPrinter {
    let isQuiet: Bool
    private let colored = Terminal.allowsColor

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func start(_ prompt: String) throws {
        try write(colored ? "\u{1B}[2m\(prompt)\u{1B}[0m" : prompt)
    }

    func show(_ pieces: [TextPiece]) throws {
        for piece in pieces {
            try write(colored && piece.isDraft ? "\u{1B}[32m\(piece.text)\u{1B}[0m" : piece.text)
        }
    }

    func finish() throws { try write("\n") }

    private func write(_ text: String) throws {
        if isQuiet { return }
        print(text, terminator: "")
        try Startup.finishOutput()
    }
}
