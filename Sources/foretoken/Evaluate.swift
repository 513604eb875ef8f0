import ArgumentParser
import ForetokenDecoding
import ForetokenModel
import ForetokenReport
import ForetokenText
import ForetokenTraining
import Foundation
import Torch

struct Evaluate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a model on held-out text or on programming tasks.",
        discussion: """
            'loss' tells how well each head predicts; 'decoding' what that is worth in speed. 'code' draws programs from \
            the model and runs them against a benchmark's tests; 'generate' and 'grade' are its two halves. \
            'arithmetic' and 'induction' are the paper's two synthetic tasks.

            Examples:
              foretoken evaluate loss --model runs/demo --data data/validation.tokens
              foretoken evaluate decoding --model runs/x --data data/validation.tokens
            """,
        subcommands: [
            Loss.self, DecodingSpeed.self, Code.self, GenerateSamples.self, Grade.self, Arithmetic.self, Induction.self,
        ])

    struct Loss: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Loss, bits per byte and acceptance of every head.",
            discussion: """
                Acceptance of head i: how often its first choice equals the text, where those of heads 1 to i-1 did; \
                cumulative: how often all of them do. A degenerate model accepts everything, so read it beside bits per byte.

                Example:
                  foretoken evaluate loss --model runs/demo --data data/validation.tokens
                """)

        @Option(help: "A run or model folder.", completion: .directory)
        var model: Path
        @Option(help: "A token shard.", completion: .file(extensions: ["tokens"]))
        var data: Path
        @Option(parsing: .unconditional, help: "Batches of 8 samples, fewer if the shard ends before.")
        var batches = 50
        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws { try require(batches, "--batches", in: 1...(.max)) }

        @TorchActor
        func run() async throws {
            let folder = try RunFolder.modelFolder(at: model.url)
            let model = try ModelFolder.read(folder)
            let tokenizer = try Generate.tokenizer(of: model.configuration, in: folder)
            let shard = try TokenShard(contentsOf: data.url)
            guard shard.tokenCount > 0 else { throw TrainerError.emptyCorpus(data.text) }
            let packed = try PackedTokens([shard], tokenizer: tokenizer)
            let loader = BatchLoader(
                packed, context: model.configuration.context, heads: model.configuration.heads, seed: 0)
            let result = try HeadEvaluation(
                of: model, on: loader, batchSize: 8, batches: batches, tokenizer: tokenizer)
            if json {
                let value: JSONValue = [
                    "loss": .array(result.losses.map(JSONValue.finite)),
                    "bitsPerByte": .array(result.bitsPerByte.map(JSONValue.finite)),
                    "acceptance": .array(result.acceptance.map(JSONValue.finite)),
                    "cumulativeAcceptance": .array(result.cumulativeAcceptance.map(JSONValue.finite)),
                    "tokens": .integer(result.tokens),
                ]
                print(try value.text())
                return
            }
            var table = TextTable(["head", "loss", "bits/byte", "acceptance", "cumulative"])
            for head in result.losses.indices {
                table.add([
                    "\(head + 1)", Formatting.fixed(result.losses[head], 4),
                    Formatting.fixed(result.bitsPerByte[head], 3),
                    Formatting.percent(result.acceptance[head]), Formatting.percent(result.cumulativeAcceptance[head]),
                ])
            }
            print(table.terminalText)
        }
    }

    struct DecodingSpeed: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "decoding",
            abstract: "Decode held-out prompts with head 1 alone and self-speculatively, and compare.",
            discussion: """
                Exits with 1 if any text differs between the two ways, which would be a defect. The last line compares the \
                speed-up with tokens per forward times the bytes read by a plain pass over those of a speculative one.

                Examples:
                  foretoken evaluate decoding --model runs/x --data data/validation.tokens
                  foretoken evaluate decoding --model runs/x --data data/validation.tokens --heads 2
                """)

        @Option(help: "A run or model folder.", completion: .directory)
        var model: Path
        @Option(
            help: "A token shard; its documents' beginnings are the prompts.", completion: .file(extensions: ["tokens"])
        )
        var data: Path
        @Option(parsing: .unconditional, help: "The most prompts.")
        var prompts = 8
        @Option(parsing: .unconditional, help: "Tokens of each prompt.")
        var promptTokens = 64
        @Option(parsing: .unconditional, help: "Tokens to generate for each prompt.")
        var maxTokens = 160
        @Option(parsing: .unconditional, help: "Heads to use; all of the model's if not given.")
        var heads: Int?
        @Flag(help: "Draft only as many tokens as pay, measured while decoding, as 'generate' does without --heads.")
        var adaptive = false
        @Option(help: "How weights are held: f32, bf16 or int8.")
        var weights = WeightFormat.f32
        @Flag(help: "Measure with 1, 2, … heads and write decoding.json into the run, where its report shows it.")
        var byHeads = false
        @OptionGroup(title: "Sampling")
        var sampling: SamplingOptions
        @Flag(help: "Print one JSON object.")
        var json = false

        func validate() throws {
            try require(prompts, "--prompts", in: 1...(.max))
            try require(promptTokens, "--prompt-tokens", in: 1...(.max))
            try require(maxTokens, "--max-tokens", in: 1...(.max))
        }

        @TorchActor
        func run() async throws {
            let run = self.model.url
            let (model, tokenizer) = try Generate.load(model, threads: nil, format: weights)
            let shard = try TokenShard(contentsOf: data.url)
            try shard.requireTokenizer(tokenizer)
            let beginning = model.configuration.beginningOfText.map { [$0] } ?? []
            var starts: [[Int32]] = []
            for document in 0..<shard.documentCount where starts.count < prompts {
                let tokens = shard.document(document)
                if tokens.count >= promptTokens { starts.append(beginning + tokens.prefix(promptTokens)) }
            }
            guard !starts.isEmpty else {
                throw CommandFailure(
                    description: "\(data.text): no document has \(promptTokens) tokens; give a smaller --prompt-tokens")
            }
            let used = heads ?? model.configuration.heads
            let sampler = try sampling.sampler()
            func compare(_ heads: Int) throws -> DecodingComparison {
                try DecodingComparison(
                    model, prompts: starts, maximumTokens: maxTokens, heads: heads, isAdaptive: adaptive,
                    sampler: sampler, tokenizer: tokenizer)
            }
            if byHeads { return try show(try (1...max(1, used)).map(compare), of: run) }
            let result = try compare(used)
            if json { print(try Self.value(result).text()) } else { show(result, heads: used) }
            if result.differing > 0 { throw ExitCode(1) }
        }

        /// The speed by heads used; kept in the run's folder, if it is a run.
        private func show(_ results: [DecodingComparison], of run: URL) throws {
            let found = DecodingByHeads(
                prompts: results[0].prompts, maximumTokens: maxTokens, temperature: sampling.temperature,
                rows: results.enumerated().map { index, result in
                    DecodingByHeads.Row(
                        heads: index + 1, tokensPerForward: result.speculative.tokensPerForward,
                        tokensPerSecond: result.speculative.tokensPerSecond, speedUp: result.speedUp)
                })
            if json {
                print(try found.json)
            } else {
                var table = TextTable(["heads", "tokens/forward", "tokens/s", "speed-up"])
                for row in found.rows {
                    table.add([
                        "\(row.heads)", Formatting.fixed(row.tokensPerForward, 2),
                        Formatting.fixed(row.tokensPerSecond, 0), Formatting.fixed(row.speedUp, 2) + "x",
                    ])
                }
                print(table.terminalText)
            }
            if results.contains(where: { $0.differing > 0 }) {
                Terminal.log("OUTPUTS DIFFER: see foretoken evaluate decoding --heads; nothing was written")
                throw ExitCode(1)
            }
            if FileManager.default.fileExists(atPath: RunRecord.metrics(in: run).path) {
                try found.write(toRun: run)
            } else {
                Terminal.log("\(run.relativePath): not a run's folder, so decoding.json is not written")
            }
        }

        private static func value(_ result: DecodingComparison) -> JSONValue {
            [
                "prompts": .integer(result.prompts), "differing": .integer(result.differing),
                "looping": .integer(result.looping),
                "tokensPerForward": .finite(result.speculative.tokensPerForward),
                "nextTokenTokensPerSecond": .finite(result.plain.tokensPerSecond),
                "speculativeTokensPerSecond": .finite(result.speculative.tokensPerSecond),
                "speedUp": .finite(result.speedUp), "attainable": .finite(result.attainable),
                "byteRatio": .finite(result.byteRatio),
            ]
        }

        private func show(_ result: DecodingComparison, heads: Int) {
            var table = TextTable([
                sampling.temperature == 0 ? "greedy" : "temperature \(sampling.temperature)", "tokens",
                "tokens/forward", "tokens/s",
            ])
            for (name, side) in [
                ("next-token", result.plain),
                ("\(adaptive ? "adaptive" : "speculative"), \(heads) heads", result.speculative),
            ] {
                table.add([
                    name, String(side.tokens), Formatting.fixed(side.tokensPerForward, 2),
                    Formatting.fixed(side.tokensPerSecond, 0),
                ])
            }
            print(table.terminalText)
            print(
                result.differing == 0
                    ? "outputs identical on all \(result.prompts) prompts"
                    : "OUTPUTS DIFFER on \(result.differing) of \(result.prompts) prompts")
            print(
                "speed-up \(Formatting.fixed(result.speedUp, 2))x = \(Formatting.fixed(result.speedUp / result.attainable, 2))"
                    + " of tokens/forward x bytes ratio (\(Formatting.fixed(result.speculative.tokensPerForward, 2))"
                    + " x \(Formatting.fixed(result.byteRatio, 2)))")
            if result.looping > 0 {
                print("\(result.looping) of \(result.prompts) texts loop at their end, which flatters acceptance")
            }
        }
    }
}
