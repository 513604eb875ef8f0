import ForetokenDecoding
import ForetokenEvaluation
import ForetokenFiles
import ForetokenReport

/// Next-token and speculative decoding of the same prompts.
struct DecodingComparisonOutput: CommandOutput {
    let result: DecodingComparison
    let evaluation: DecodingEvaluation
    let loss: DecodingEvaluation.WeightLoss?
    let format: WeightFormat

    var jsonLine: String {
        get throws {
            var object = result.speculative.drafts.json
            let values: [(String, JSONValue)] = [
                ("prompts", .integer(result.prompts)), ("differing", .integer(result.differing)),
                ("looping", .integer(result.looping)),
                ("tokensPerForward", .finite(result.speculative.tokensPerForward)),
                ("nextTokenTokensPerSecond", .finite(result.nextToken.tokensPerSecond)),
                ("speculativeTokensPerSecond", .finite(result.speculative.tokensPerSecond)),
                ("speedUp", .finite(result.speedUp)), ("attainable", .finite(result.attainable)),
                ("byteRatio", .finite(result.byteRatio)),
                ("secondsPerPass", .finite(result.speculative.secondsPerPass)),
                ("lossDifference", loss.map { .finite($0.own - $0.float32) } ?? .null),
            ]
            for (key, value) in values { object[key] = value }
            return try JSONValue.object(object).text()
        }
    }

    var terminalText: String {
        var lines = [table.terminalText] + draftLines
        lines.append(
            result.differing == 0
                ? "outputs identical on all \(result.prompts) prompts"
                : "OUTPUTS DIFFER on \(result.differing) of \(result.prompts) prompts")
        lines.append(
            "speed-up \(Formatting.fixed(result.speedUp, 2))x = \(Formatting.fixed(result.speedUp / result.attainable, 2))"
                + " of tokens/forward x bytes ratio (\(Formatting.fixed(result.speculative.tokensPerForward, 2))"
                + " x \(Formatting.fixed(result.byteRatio, 2)))")
        if result.looping > 0 {
            lines.append(
                "\(result.looping) of \(result.prompts) outputs end in a loop, which overstates the acceptance rate")
        }
        if let loss {
            lines.append(
                "head 1's loss: \(Formatting.fixed(loss.own, 5)) nats per token with \(format.rawValue) weights, "
                    + "\(Formatting.fixed(loss.float32, 5)) with f32, over \(loss.tokens) tokens")
        }
        return lines.joined(separator: "\n")
    }

    private var table: TextTable {
        let settings = evaluation.settings
        let temperature = settings.sampler.temperature
        var table = TextTable([
            temperature == 0 ? "greedy" : "temperature \(temperature)", "tokens", "tokens/forward", "tokens/s",
        ])
        for (name, side) in [
            ("next-token", result.nextToken),
            ("\(settings.isAdaptive ? "adaptive" : "speculative"), \(evaluation.heads) heads", result.speculative),
        ] {
            table.add([
                name, String(side.tokens), Formatting.fixed(side.tokensPerForward, 2),
                Formatting.fixed(side.tokensPerSecond, 0),
            ])
        }
        return table
    }

    private var draftLines: [String] {
        let drafts = result.speculative.drafts
        guard drafts.proposed > 0 else { return [] }
        let passes = Double(max(1, drafts.acceptedLengths.reduce(0, +)))
        let blocks = drafts.acceptedLengths.map { Formatting.percent(Double($0) / passes) }.joined(separator: " ")
        return [
            "accepted at positions 2, 3, ...: " + drafts.acceptance.map(Formatting.percent).joined(separator: " "),
            "blocks of 1, 2, ... tokens: \(blocks); mean \(Formatting.fixed(drafts.meanAcceptedLength, 2)), "
                + "\(Formatting.fixed(result.speculative.secondsPerPass * 1e6, 0)) us per pass",
        ]
    }
}

/// Decoding speed by the number of heads.
struct DecodingByHeadsOutput: CommandOutput {
    let result: DecodingEvaluation.ByHeads

    var jsonLine: String { get throws { try result.record.json } }

    var terminalText: String {
        var table = TextTable(["heads", "tokens/forward", "tokens/s", "speed-up", "of tokens x bytes"])
        for (row, comparison) in zip(result.record.rows, result.comparisons) {
            table.add([
                "\(row.heads)", Formatting.fixed(row.tokensPerForward, 2), Formatting.fixed(row.tokensPerSecond, 0),
                Formatting.fixed(row.speedUp, 2) + "x", Formatting.fixed(row.speedUp / comparison.attainable, 2),
            ])
        }
        return table.terminalText
    }
}
