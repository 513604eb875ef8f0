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
            Loss.self, EvaluateDecoding.self, Code.self, GenerateSamples.self, Grade.self, Arithmetic.self,
            Induction.self,
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
}
