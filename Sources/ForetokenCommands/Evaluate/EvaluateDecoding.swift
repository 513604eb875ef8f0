import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import Foundation

struct EvaluateDecoding: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoding",
        abstract: "Decode held-out prompts with head 1 alone and self-speculatively, and compare.",
        discussion: """
            Other weights than f32 change the text; what that costs in head 1's loss is said, too.

            Exits with 1 if any text differs between the two ways, which would be a defect; on a GPU without --exact, texts \
            may part at near ties. The last line compares the \
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
    @OptionGroup(title: "Weights")
    var weights: WeightOptions
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

    @ComputeActor
    func run() async throws {
        let run = self.model.url
        let (model, tokenizer, _) = try weights.load(model)
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
        if byHeads { return try show(try (1...max(1, used)).map(compare), of: run, isExact: model.isExact) }
        let result = try compare(used)
        let loss = try lossDifference(
            model, shard.firstTexts(beginning: beginning, context: model.configuration.context))
        if json {
            print(try Self.value(result, loss).text())
        } else {
            show(result, heads: used)
            if let loss {
                print(
                    "head 1's loss with \(weights.weights.rawValue) weights: \(Formatting.fixed(loss.own, 5)) nats a token, "
                        + "with float32 \(Formatting.fixed(loss.f32, 5)), over \(loss.tokens) tokens")
            }
        }
        if result.differing > 0, model.isExact { throw ExitCode(1) }
    }

    /// The speed by heads used; kept in the run's folder, if it is a run.
    private func show(_ results: [DecodingComparison], of run: URL, isExact: Bool) throws {
        let found = DecodingByHeads(
            prompts: results[0].prompts, maximumTokens: maxTokens, temperature: sampling.temperature,
            rows: results.enumerated().map { index, result in
                DecodingByHeads.Row(
                    heads: index + 1, tokensPerForward: result.speculative.tokensPerForward,
                    tokensPerSecond: result.speculative.tokensPerSecond, speedUp: result.speedUp,
                    acceptance: result.speculative.drafts.acceptance,
                    acceptedLengths: result.speculative.drafts.acceptedLengths)
            })
        if json {
            print(try found.json)
        } else {
            var table = TextTable(["heads", "tokens/forward", "tokens/s", "speed-up", "of tokens x bytes"])
            for (row, result) in zip(found.rows, results) {
                table.add([
                    "\(row.heads)", Formatting.fixed(row.tokensPerForward, 2),
                    Formatting.fixed(row.tokensPerSecond, 0), Formatting.fixed(row.speedUp, 2) + "x",
                    Formatting.fixed(row.speedUp / result.attainable, 2),
                ])
            }
            print(table.terminalText)
        }
        if isExact, results.contains(where: { $0.differing > 0 }) {
            Terminal.log("OUTPUTS DIFFER: see foretoken evaluate decoding --heads; nothing was written")
            throw ExitCode(1)
        }
        if FileManager.default.fileExists(atPath: RunRecord.metrics(in: run).path) {
            try found.write(toRun: run)
        } else {
            Terminal.log("\(run.relativePath): not a run's folder, so decoding.json is not written")
        }
    }

    /// What other weights than float32 do to head 1's loss.
    @ComputeActor
    private func lossDifference(
        _ decoder: DecodeModel, _ texts: [[Int32]]
    ) throws -> (own: Double, f32: Double, tokens: Int)? {
        guard weights.weights != .f32 else { return nil }
        let own = try DecodedLoss(decoder, texts: texts)
        var plain = weights
        plain.weights = .f32
        let exact = try DecodedLoss(plain.load(model).model, texts: texts)
        return (own.nats, exact.nats, own.tokens)
    }

    private static func value(
        _ result: DecodingComparison, _ loss: (own: Double, f32: Double, tokens: Int)?
    ) -> JSONValue {
        var object = result.speculative.drafts.json
        let values: [(String, JSONValue)] = [
            ("prompts", .integer(result.prompts)), ("differing", .integer(result.differing)),
            ("looping", .integer(result.looping)),
            ("tokensPerForward", .finite(result.speculative.tokensPerForward)),
            ("nextTokenTokensPerSecond", .finite(result.plain.tokensPerSecond)),
            ("speculativeTokensPerSecond", .finite(result.speculative.tokensPerSecond)),
            ("speedUp", .finite(result.speedUp)), ("attainable", .finite(result.attainable)),
            ("byteRatio", .finite(result.byteRatio)),
            ("secondsPerPass", .finite(result.speculative.secondsPerPass)),
            ("lossDifference", loss.map { .finite($0.own - $0.f32) } ?? .null),
        ]
        for (key, value) in values { object[key] = value }
        return .object(object)
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
        let drafts = result.speculative.drafts
        if drafts.proposed > 0 {
            print(
                "accepted at positions 2, 3, ...: " + drafts.acceptance.map(Formatting.percent).joined(separator: " "))
            let passes = Double(max(1, drafts.acceptedLengths.reduce(0, +)))
            print(
                "blocks of 1, 2, ... tokens: "
                    + drafts.acceptedLengths.map { Formatting.percent(Double($0) / passes) }.joined(separator: " ")
                    + "; mean \(Formatting.fixed(drafts.meanAcceptedLength, 2)), "
                    + "\(Formatting.fixed(result.speculative.secondsPerPass * 1e6, 0)) us a pass")
        }
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
