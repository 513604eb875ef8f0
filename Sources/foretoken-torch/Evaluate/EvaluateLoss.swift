import ArgumentParser
import ForetokenCommands
import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import ForetokenTraining
import Foundation
import Torch

struct Loss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loss, bits per byte and acceptance of every head.",
        discussion: """
            Acceptance of head i: how often its first choice equals the text, where those of heads 1 to i-1 did; \
            cumulative: how often all of them do. A degenerate model accepts everything, so read it beside bits per byte.

            Examples:
              foretoken evaluate loss --model runs/demo --data data/validation.tokens
              foretoken evaluate loss --model runs/x --data code/validation.tokens --data prose/validation.tokens
              foretoken evaluate loss --model runs/x --data v.tokens --temperature 0.8
            """)

    @Option(help: "A run or model folder.", completion: .directory)
    var model: Path
    @Option(
        help: "A token shard; repeated, each source is measured by itself.",
        completion: .file(extensions: ["tokens"]))
    var data: [Path]
    @Option(parsing: .unconditional, help: "Batches of 8 samples of each shard, fewer if it ends before.")
    var batches = 50
    @Option(
        help:
            "Also compute what share of drafts sampled at this temperature is kept, on 16,384 tokens of each shard."
    )
    var temperature: Double?
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        try require(batches, "--batches", in: 1...(.max))
        guard temperature ?? 1 > 0, (temperature ?? 1).isFinite else {
            throw ValidationError("--temperature must be above 0")
        }
        guard !data.isEmpty else { throw ValidationError("name a token shard with --data") }
    }

    @ComputeActor
    func run() async throws {
        let folder = try ModelFolder.locate(model.url)
        let model = try ModelFolder.read(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: model.configuration)
        // All are opened before the first is measured.
        let shards = try data.map { path in
            let shard = try TokenShard(contentsOf: path.url)
            guard shard.tokenCount > 0 else { throw TrainerError.emptyCorpus(path.text) }
            return shard
        }
        let loaders = try shards.map { shard in
            BatchLoader(
                try PackedTokens([shard], tokenizer: tokenizer), context: model.configuration.context,
                heads: model.configuration.heads, seed: 0)
        }
        let results = try loaders.map {
            try HeadEvaluation(of: model, on: $0, batchSize: 8, batches: batches, tokenizer: tokenizer)
        }
        let sampled = temperature.map { temperature in
            shards.map {
                SampledAcceptance(
                    model.configuration,
                    texts: $0.firstTexts(
                        beginning: model.configuration.beginningOfText.map { [$0] } ?? [],
                        context: model.configuration.context)
                ) { model.distributions($0, temperature: temperature) }
            }
        }
        if json {
            var values = results.map(Self.value)
            for (index, acceptance) in (sampled ?? []).enumerated() {
                values[index]["sampledAcceptance"] = .array(acceptance.keyedNoise.map(JSONValue.finite))
                values[index]["rejectionAcceptance"] = .array(acceptance.rejection.map(JSONValue.finite))
            }
            let value: JSONValue
            if values.count == 1 {
                value = .object(values[0])
            } else {
                value = [
                    "sources": .array(
                        zip(data, values).map { path, value in
                            var value = value
                            value["data"] = .string(path.text)
                            return .object(value)
                        })
                ]
            }
            print(try value.text())
            return
        }
        var table = TextTable(
            (results.count > 1 ? ["source"] : []) + ["head", "loss", "bits/byte", "acceptance", "cumulative"])
        for (path, result) in zip(data, results) {
            for head in result.losses.indices {
                table.add(
                    (results.count > 1 ? [path.text] : []) + [
                        "\(head + 1)", Formatting.fixed(result.losses[head], 4),
                        Formatting.fixed(result.bitsPerByte[head], 3), Formatting.percent(result.acceptance[head]),
                        Formatting.percent(result.cumulativeAcceptance[head]),
                    ])
            }
        }
        print(table.terminalText)
        guard let sampled, let temperature, model.configuration.heads > 1 else { return }
        var kept = TextTable(
            (results.count > 1 ? ["source"] : []) + ["head", "kept at \(temperature)", "by rejection sampling"])
        for (path, acceptance) in zip(data, sampled) {
            for (index, share) in acceptance.keyedNoise.enumerated() {
                kept.add(
                    (results.count > 1 ? [path.text] : []) + [
                        "\(index + 2)", Formatting.percent(share), Formatting.percent(acceptance.rejection[index]),
                    ])
            }
        }
        print(kept.terminalText)
    }

    private static func value(_ result: HeadEvaluation) -> JSONObject {
        var object = JSONObject()
        object["loss"] = .array(result.losses.map(JSONValue.finite))
        object["bitsPerByte"] = .array(result.bitsPerByte.map(JSONValue.finite))
        object["acceptance"] = .array(result.acceptance.map(JSONValue.finite))
        object["cumulativeAcceptance"] = .array(result.cumulativeAcceptance.map(JSONValue.finite))
        object["tokens"] = .integer(result.tokens)
        return object
    }
}
