import ForetokenCommands
import ForetokenDecoding
import ForetokenFiles
import ForetokenReport
import ForetokenTraining

/// The results of a model's heads on one or several shards.
struct LossOutput: CommandOutput {
    /// Acceptance rates of sampled drafts.
    struct Sampled {
        let temperature: Double
        /// For each shard.
        let acceptance: [SampledAcceptance]
    }

    /// The shards as the user named them.
    let names: [String]
    /// For each shard.
    let results: [HeadEvaluation]
    let sampled: Sampled?

    /// The shard's object, or with several shards `sources`, whose objects name their `data`.
    var jsonLine: String {
        get throws {
            var values = results.map(Self.object)
            for (index, acceptance) in (sampled?.acceptance ?? []).enumerated() {
                values[index]["sampledAcceptance"] = .array(acceptance.keyedNoise.map(JSONValue.finite))
                values[index]["rejectionAcceptance"] = .array(acceptance.rejection.map(JSONValue.finite))
            }
            if values.count == 1 { return try JSONValue.object(values[0]).text() }
            for (index, name) in names.enumerated() { values[index]["data"] = .string(name) }
            let sources: JSONValue = ["sources": .array(values.map(JSONValue.object))]
            return try sources.text()
        }
    }

    private static func object(_ result: HeadEvaluation) -> JSONObject {
        var object = JSONObject()
        object["loss"] = .array(result.losses.map(JSONValue.finite))
        object["bitsPerByte"] = .array(result.bitsPerByte.map(JSONValue.finite))
        object["acceptance"] = .array(result.acceptance.map(JSONValue.finite))
        object["cumulativeAcceptance"] = .array(result.cumulativeAcceptance.map(JSONValue.finite))
        object["tokens"] = .integer(result.tokens)
        return object
    }

    var terminalText: String {
        [lossTable.terminalText, sampledTable?.terminalText].compactMap(\.self).joined(separator: "\n")
    }

    /// The first column where there are several shards.
    private func source(_ name: String) -> [String] { results.count > 1 ? [name] : [] }

    private var lossTable: TextTable {
        var table = TextTable(source("source") + ["head", "loss", "bits/byte", "acceptance", "cumulative"])
        for (name, result) in zip(names, results) {
            for head in result.losses.indices {
                table.add(
                    source(name) + [
                        "\(head + 1)", Formatting.fixed(result.losses[head], 4),
                        Formatting.fixed(result.bitsPerByte[head], 3), Formatting.percent(result.acceptance[head]),
                        Formatting.percent(result.cumulativeAcceptance[head]),
                    ])
            }
        }
        return table
    }

    private var sampledTable: TextTable? {
        guard let sampled, results.contains(where: { $0.losses.count > 1 }) else { return nil }
        var table = TextTable(
            source("source") + ["head", "accepted at temperature \(sampled.temperature)", "by rejection sampling"])
        for (name, acceptance) in zip(names, sampled.acceptance) {
            for (index, share) in acceptance.keyedNoise.enumerated() {
                table.add(
                    source(name) + [
                        "\(index + 2)", Formatting.percent(share), Formatting.percent(acceptance.rejection[index]),
                    ])
            }
        }
        return table
    }
}
