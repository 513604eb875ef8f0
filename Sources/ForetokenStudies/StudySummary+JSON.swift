public import ForetokenFiles
import ForetokenTraining

extension StudySummary {
    /// All values: those of each run, and the statistics of each variant over its seeds.
    public var json: JSONObject {
        var object = JSONObject()
        object["formatVersion"] = 1
        object["name"] = .string(plan.study.name)
        object["runs"] = .integer(plan.runs.count)
        object["done"] = .integer(done)
        object["rows"] = .array(rows.map { .object(value($0)) })
        object["failed"] = .array(
            failures.sorted { $0.key < $1.key }.map { ["run": .string($0.key), "reason": .string($0.value)] })
        return object
    }

    private func value(_ row: Row) -> JSONObject {
        var object = JSONObject()
        object["variant"] = .string(row.name)
        object["runs"] = .array(
            zip(row.runs, row.values).map { run, values in
                var own = JSONObject()
                own["name"] = .string(run.name)
                // A string, since a seed can exceed 2^63 − 1.
                if let seed = run.seed { own["seed"] = .string("\(seed)") }
                for (name, value) in values.sorted(by: { $0.key < $1.key }) { own[name] = .finite(value) }
                return .object(own)
            })
        var found = JSONObject()
        for column in columns {
            guard let statistics = row.statistics(column) else { continue }
            var one = value(statistics)
            if column.isQuality, let reference, row.name != reference.name,
                let difference = row.difference(from: reference, column)
            {
                one["difference"] = .object(value(difference))
            }
            found[column.name] = .object(one)
        }
        object["metrics"] = .object(found)
        return object
    }

    private func value(_ statistics: Statistics) -> JSONObject {
        var object = JSONObject()
        object["mean"] = .finite(statistics.mean)
        object["least"] = .finite(statistics.least)
        object["greatest"] = .finite(statistics.greatest)
        object["standardError"] = statistics.standardError.map(JSONValue.finite) ?? .null
        object["seeds"] = .integer(statistics.count)
        return object
    }
}
