public import ArgumentParser
import ForetokenDecoding
public import ForetokenEvaluation
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

extension Evaluate {
    struct Text: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare completions with reference texts: ROUGE, exact match, final answers of GSM8K.",
            discussion: """
                A line of --examples is an object with 'references', 'answers', 'reference' or 'answer' (a text, or several) and, \
                for --model, the 'prompt'. Completions are drawn from --model into --out, or taken from --completions: lines \
                with 'completion' or 'completions', in the order of the examples or with 'index', counted from 0.

                Examples:
                  foretoken evaluate text --metric rouge --stemmer --examples test.jsonl --model runs/x --out completions.jsonl
                  foretoken evaluate text --metric exact-match --examples nq.jsonl --completions theirs.jsonl
                  foretoken evaluate text --metric gsm8k --examples gsm8k.jsonl --model runs/x --out c.jsonl --samples 100 \
                --temperature 0.6 --top-p 0.95 --stop Question: -k 1,10
                """)

        enum Metric: String, ExpressibleByArgument, CaseIterable {
            case rouge
            case exactMatch = "exact-match"
            case gsm8k
        }

        @Option(help: "What is compared: rouge, exact-match or gsm8k.")
        var metric: Metric
        @Option(
            help: "A JSONL file of examples with references and, for --model, prompts.",
            completion: .file(extensions: ["jsonl"]))
        var examples: Path
        @Option(
            help: "A JSONL file of completions to score, of any system; --model completes the prompts if omitted.",
            completion: .file(extensions: ["jsonl"]))
        var completions: Path?
        @Option(
            help: "A run or model folder that completes the prompts; --completions gives completions if omitted.",
            completion: .directory)
        var model: Path?
        @Option(
            help: "Where the model's completions go, a line each; the same command resumes there. Needed with --model.",
            completion: .file(extensions: ["jsonl"]))
        var out: Path?
        @Option(parsing: .unconditional, help: "Completions to draw for each example.")
        var samples = 1
        @Option(parsing: .unconditional, help: "Maximum length of a completion in tokens.")
        var maxTokens = 256
        @Option(
            parsing: .unconditionalSingleValue,
            help: "End completions before this string; may be repeated. Default: none.")
        var stop: [String] = []
        @Option(
            parsing: .unconditional,
            help: "Number of prediction heads to use in every pass; adaptive draft length if omitted.")
        var heads: Int?
        @Flag(help: "With rouge: compare Porter stems of words, as the option use_stemmer of rouge-score does.")
        var stemmer = false
        @Option(help: "With exact-match: how answers are normalised, natural-questions (SQuAD's rule) or trivia-qa.")
        var normalization = AnswerNormalization.naturalQuestions
        @Option(
            name: .customShort("k"), parsing: .unconditional,
            help: ArgumentHelp("With exact-match and gsm8k: the k of pass@k, separated by commas.", valueName: "k,k,…"))
        var ks = "1"
        @OptionGroup(title: "Sampling")
        var sampling: SamplingOptions
        @OptionGroup(title: "Weights")
        var weights: WeightOptions
        @Option(parsing: .unconditional, help: "Seed of the resampling for the intervals.")
        var bootstrapSeed: UInt64 = 0
        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws {
            guard (model == nil) != (completions == nil) else {
                throw ValidationError("give either --model, to draw completions, or --completions, to score these")
            }
            guard (model == nil) == (out == nil) else { throw ValidationError("--model and --out belong together") }
            try require(samples, "--samples", in: 1...1_000_000)
            try require(maxTokens, "--max-tokens", in: 1...(.max))
            if stemmer, metric != .rouge { throw ValidationError("--stemmer belongs to --metric rouge") }
            _ = try parsedKs()
        }

        private func parsedKs() throws -> [Int] {
            let values = ks.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
            guard values.allSatisfy({ (1...1_000_000).contains($0 ?? 0) }) else {
                throw ValidationError("-k \(ks): must be numbers from 1 on, such as 1,10,100")
            }
            return values.compactMap { $0 }
        }

        func run() async throws {
            InterruptFlag.install()
            let examples = try TextExample.read(examples.url)
            if let model, let out { try await complete(model, to: out) }
            guard let file = completions ?? out else { return }
            let found = try TextCompletions(contentsOf: file.url, examples: examples.count)
            if found.missing > 0 {
                Terminal.log(
                    "warning: \(found.missing) of \(examples.count) examples have no completion and are left out")
            }
            let summary = TextSummary(
                found, of: examples, metric: textMetric, ks: try parsedKs(), seed: bootstrapSeed)
            print(json ? try JSONValue.object(summary.json).text() : summary.table.terminalText)
        }

        private var textMetric: TextMetric {
            switch metric {
            case .rouge: .rouge(stems: stemmer)
            case .exactMatch: .exactMatch(normalization)
            case .gsm8k: .gsm8k
            }
        }

        /// Draws the completions that `out` does not have yet.
        @ComputeActor
        private func complete(_ path: Path, to out: Path) async throws {
            let prompts = try PromptFile(contentsOf: examples.url)
            let (model, tokenizer, folder) = try weights.load(path)
            let sampler = try sampling.sampler()
            let progress = StageProgress()
            try await prompts.run(
                on: BatchEngine(model, tokenizer: tokenizer), completions: samples, to: out.url,
                modelDigest: weights.digest(of: folder)
            ) { prompt in
                guard case .text(let prompt) = prompt else {
                    throw ValidationError("a conversation; evaluate text reads 'prompt' only")
                }
                var request = GenerationRequest(
                    prompt: model.configuration.tokens(of: prompt, tokenizer), maximumTokens: maxTokens,
                    heads: heads ?? model.configuration.heads, sampler: sampler, stopStrings: stop)
                request.isAdaptive = heads == nil
                return request
            } progress: {
                if $0 > 0 { progress.show("completions", $0, $1) }
                return !InterruptFlag.isRaised
            }
            progress.finish()
            if InterruptFlag.isRaised { throw ExitCode(130) }
        }
    }
}

extension AnswerNormalization: ExpressibleByArgument {}
