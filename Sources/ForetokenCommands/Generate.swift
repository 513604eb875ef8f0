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
              foretoken generate --model SmolLM2 --chat --prompt 'What is the capital of France?'
            """)

    enum Decoding: String, ExpressibleByArgument, CaseIterable {
        case speculative
        case nextToken = "next-token"
    }

    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path

    @Option(parsing: .unconditional, help: "The text to continue; empty if omitted.")
    var prompt = ""

    @Flag(help: "Answer the prompt as a user's message, in the form of the model's chat template.")
    var chat = false

    @Option(parsing: .unconditional, help: "With --chat, a system message before the prompt; none if omitted.")
    var system: String?

    @Flag(
        name: .customLong("no-special"),
        help: "Read spellings of special tokens in the prompt, such as <|im_start|>, as ordinary text.")
    var readsSpecialAsText = false

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
            "A JSONL file of objects with the key 'prompt', or 'messages' for a conversation, to continue in batches into --out; a single --prompt if omitted.",
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
        if system != nil, !chat { throw ValidationError("--system needs --chat") }
    }

    func run() async throws {
        InterruptFlag.install()
        let (model, tokenizer, folder) = try await weights.load(model)
        let requests = Requests(
            options: self, sampler: try sampling.sampler(), folder: folder, tokenizer: tokenizer)
        if let prompts, let out {
            let digest = try weights.digest(of: folder)
            try await continueAll(
                PromptFile(contentsOf: prompts.url), to: out.url,
                LanguageModel(model, tokenizer: tokenizer), requests, modelDigest: digest)
        } else {
            // As much cache as the machine has for the one text, decoded no further ahead than it is printed.
            var limits = BatchEngine.Limits()
            (limits.cacheBytes, limits.reusesPrefixes, limits.blocksAhead) = (.max, false, 1)
            try await stream(LanguageModel(model, tokenizer: tokenizer, limits: limits), requests)
        }
        if InterruptFlag.isRaised { throw ExitCode(130) }
    }

    /// Makes requests of prompts; the chat template is read for the first conversation.
    private final class Requests {
        private let options: Generate
        private let sampler: Sampler
        private let folder: URL
        private let tokenizer: any Tokenizer
        private var format: ChatFormat?

        init(options: Generate, sampler: Sampler, folder: URL, tokenizer: any Tokenizer) {
            (self.options, self.sampler, self.folder, self.tokenizer) = (options, sampler, folder, tokenizer)
        }

        /// The chat template; an error if the model has none.
        func chatFormat() throws -> ChatFormat {
            if let format { return format }
            let made = try ChatFormat(of: folder, tokenizer: tokenizer)
            format = made
            return made
        }

        func request(_ prompt: PromptFile.Prompt, _ model: LanguageModel) throws -> GenerationRequest {
            let tokens: [Int32]
            var ends: Set<Int32> = []
            switch prompt {
            case .text(let text) where options.chat:
                let system = options.system.map { ChatMessage(role: "system", content: $0).json }
                let messages = [system, ChatMessage(role: "user", content: text).json].compactMap(\.self)
                (tokens, ends) = (try chatFormat().tokens(of: messages), try chatFormat().turnEnds)
            case .text(let text):
                try tokenizer.checkEncodable(Array(text.utf8))
                tokens = model.tokens(of: text, specialTokens: options.readsSpecialAsText ? .asText : .parsed)
            case .messages(let messages, let tools):
                (tokens, ends) = (try chatFormat().tokens(of: messages, tools: tools), try chatFormat().turnEnds)
            }
            var request = model.request(
                tokens: tokens, maximumTokens: options.maxTokens,
                heads: options.decoding == .nextToken ? 1 : options.heads, sampler: sampler, stopStrings: options.stop)
            request.stopTokens.formUnion(ends)
            return request
        }
    }

    /// Continues one prompt, printing as it decodes.
    private func stream(_ model: LanguageModel, _ requests: Requests) async throws {
        let stream = try await model.engine.submit(requests.request(.text(prompt), model))
        let printer = StreamPrinter(isQuiet: json)
        var text = ""
        if !chat { try printer.start(prompt) }
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
        _ prompts: PromptFile, to out: URL, _ model: LanguageModel, _ requests: Requests, modelDigest: String
    ) async throws {
        let progress = StageProgress()
        // What the texts depend on besides the model and the settings.
        var digest = modelDigest + (readsSpecialAsText ? " special tokens as text" : "")
        if chat || prompts.hasMessages {
            digest += " \(try requests.chatFormat().digest)" + (system.map { " \($0)" } ?? "")
        }
        try await prompts.run(on: model.engine, completions: completions, to: out, modelDigest: digest) {
            try requests.request($0, model)
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
