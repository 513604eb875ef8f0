public import ForetokenFiles
import ForetokenModel
public import ForetokenReport
import ForetokenTraining
import Foundation

extension StudyPlan {
    /// The runs with their sizes, for a dry run.
    public var outline: TextTable {
        var table = TextTable(["run", "parameters", "memory", "steps", "tokens"])
        for run in runs {
            table.add([
                run.name, run.parameters.map { Formatting.count(Double($0)) } ?? "?",
                memory(of: run).map { Formatting.bytes(Double($0)) } ?? "?",
                run.recipe.training.steps.map(String.init) ?? "by time limit",
                run.tokens.map { Formatting.count(Double($0)) } ?? "?",
            ])
        }
        return table
    }

    /// A sentence with the totals over all runs and the measurements made after each.
    public var totals: String {
        let tokens = runs.compactMap(\.tokens)
        let work = runs.compactMap(\.work)
        var sentence = "\(runs.count) run\(runs.count == 1 ? "" : "s")"
        if tokens.count == runs.count {
            sentence += ", \(Formatting.count(Double(tokens.reduce(0, +)))) tokens"
        }
        if work.count == runs.count {
            sentence += ", \(String(format: "%.3g", work.reduce(0, +))) FLOPs of training"
        }
        let names = study.measurements.map(\.name)
        return sentence + "; measured after each: " + (names.isEmpty ? "nothing" : names.joined(separator: ", "))
    }

    /// The plan as one JSON object.
    public var json: JSONObject {
        var object = JSONObject()
        object["name"] = .string(study.name)
        object["runs"] = .array(
            runs.map { run in
                var own = JSONObject()
                own["name"] = .string(run.name)
                own["row"] = .string(run.row)
                if let seed = run.seed { own["seed"] = .string("\(seed)") }
                own["from"] = run.parent.map { .string($0) } ?? .null
                own["parameters"] = run.parameters.map { .integer($0) } ?? .null
                own["predictedBytes"] = memory(of: run).map { .integer($0) } ?? .null
                own["steps"] = run.recipe.training.steps.map { .integer($0) } ?? .null
                own["tokens"] = run.tokens.map { .integer($0) } ?? .null
                return .object(own)
            })
        object["measurements"] = .array(study.measurements.map { .string($0.name) })
        object["notes"] = .array(notes.map { .string($0) })
        return object
    }

    /// The estimated peak memory of a training step on the CPU, in bytes.
    private func memory(of run: StudyRun) -> Int? {
        run.configuration.flatMap { try? MemoryEstimate(run.recipe, configuration: $0).peak }
    }
}
