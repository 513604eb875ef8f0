import ForetokenTraining

extension StudyPlan {
    /// The horizontal axis that is available in every study, next to recipe keys.
    static let xOfTraining = "parameters"

    /// The maximum number of heads of any run.
    var mostHeads: Int { runs.map(\.recipe.model.heads).max() ?? 1 }

    /// The columns of the table, in order.
    var columns: [StudyMetric] {
        let measured = study.measurements.flatMap { $0.columns(heads: mostHeads) }
        return Array(StudyMetric.ofTraining.prefix(2)) + measured + StudyMetric.ofTraining.dropFirst(2)
    }

    /// The rows of the table, in order: one per variant, over its seeds.
    var rows: [String] {
        var seen: Set<String> = []
        return runs.map(\.row).filter { seen.insert($0).inserted }
    }

    /// The chart's vertical axis; nil if nothing is measured.
    var y: StudyMetric? {
        guard let name = study.plot.y else { return columns.first(where: \.isQuality) ?? columns.first }
        return metric(named: name)
    }

    /// The metric with the name given in a study file; nil if no run will have it.
    private func metric(named name: String) -> StudyMetric? {
        if let known = columns.first(where: { $0.name == name }) { return known }
        guard study.measurements.contains(where: { if case .loss = $0.kind { true } else { false } }) else {
            return nil
        }
        for (word, unit) in [
            ("loss", StudyMetric.Unit.loss), ("bitsPerByte", .bits), ("acceptance", .share),
            ("cumulativeAcceptance", .share),
        ] {
            if name == word || (1...mostHeads).contains(where: { name == "\(word).\($0)" }) {
                return StudyMetric(name, unit)
            }
        }
        return nil
    }

    /// The chart's horizontal axis: the key given, or the first numeric key that differs between runs.
    var x: String? {
        if let x = study.plot.x { return x }
        let candidates = study.grid.map(\.key) + ["model.heads"]
        return candidates.first { key in
            let values = runs.map { $0.recipe.value(of: key).flatMap(Double.init) }
            return !values.contains(nil) && Set(values).count > 1
        }
    }

    /// The chart line that a run belongs to.
    func series(of run: StudyRun) -> String {
        switch study.plot.series {
        case nil: run.series ?? run.arm ?? ""
        case "arm"?: run.arm ?? ""
        case let key?: run.recipe.value(of: key) ?? ""
        }
    }

    /// Rejects axes that the runs do not have.
    func checkAxes() throws {
        let plot = study.plot
        func fail(_ key: String, _ reason: String) -> StudyError {
            .impossible(place: study.file, key: "axes.\(key)", reason: reason)
        }
        guard let first = runs.first else {
            throw StudyError.impossible(place: study.file, key: "grid", reason: "gives no runs; add values")
        }
        if let x = plot.x, x != Self.xOfTraining {
            guard first.recipe.value(of: x) != nil else {
                throw fail("x", "'\(x)' is not a recipe key; give one such as model.heads, or 'parameters'")
            }
            if let text = runs.compactMap({ $0.recipe.value(of: x) }).first(where: { Double($0) == nil }) {
                throw fail("x", "'\(x)' is not numeric ('\(text)'); give it as `series:`")
            }
        }
        if let series = plot.series, series != "arm", first.recipe.value(of: series) == nil {
            throw fail("series", "'\(series)' is not a recipe key; give one such as model.heads, or 'arm'")
        }
        if let y = plot.y, self.y == nil {
            let close = nearest(y, among: columns.map(\.name)).map { "did you mean '\($0)'?" }
            throw fail(
                "y", "'\(y)' is not measured; " + (close ?? "there are " + columns.map(\.name).joined(separator: ", ")))
        }
        let lines = Set(runs.map(series(of:)))
        if let minus = plot.minus, !lines.contains(minus) {
            throw fail("minus", "there is no series '\(minus)'; there are " + lines.sorted().joined(separator: ", "))
        }
    }
}
