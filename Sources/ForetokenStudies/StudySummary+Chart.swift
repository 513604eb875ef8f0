import ForetokenReport
import ForetokenTraining

extension StudySummary {
    /// The mean over seeds against the study's x, a line for each series, with the seeds' spread as bars; nil before there is
    /// anything to show.
    var chart: LineChart? {
        guard let y = plan.y else { return nil }
        var lines: [(name: String, points: [ChartPoint])] = []
        for (index, row) in rows.enumerated() {
            guard let run = row.runs.first, let x = place(of: row, index) else { continue }
            let name = plan.series(of: run)
            guard let found = spread(row, x: x, y) else { continue }
            let line = lines.firstIndex { $0.name == name } ?? lines.count
            if line == lines.count { lines.append((name, [])) }
            lines[line].points.append(ChartPoint(x: x, y: found.mean, bar: bar(found)))
        }
        if let minus = plan.study.plot.minus { lines.removeAll { $0.name == minus } }
        guard lines.contains(where: { !$0.points.isEmpty }) else { return nil }
        var chart = LineChart(
            y.title + (plan.study.plot.minus.map { ", less \(seriesWord)\($0)" } ?? ""),
            lines.enumerated().map { index, line in
                LineChart.Series(
                    seriesWord + line.name, line.points.sorted { $0.x < $1.x }, color: .category(index))
            })
        chart.note = plan.study.name + (hasSpread ? "; means, bars: \(words) over seeds" : "")
        chart.xName = plan.x ?? "variant"
        chart.unit = y.chartUnit
        chart.isXLogarithmic = plan.x == StudyPlan.xOfTraining
        chart.ticksAtData = !chart.isXLogarithmic
        return chart
    }

    /// Before a series' value, where it is one of a recipe's key.
    private var seriesWord: String {
        guard let key = plan.study.plot.series, key != "arm" else { return "" }
        return (key.split(separator: ".").last.map(String.init) ?? key) + " "
    }

    private var hasSpread: Bool { rows.contains { $0.values.count { !$0.isEmpty } > 1 } }

    private var words: String {
        switch plan.study.plot.spread {
        case .range: "least and greatest"
        case .error: "standard error"
        }
    }

    private func place(of row: Row, _ index: Int) -> Double? {
        guard let x = plan.x else { return Double(index + 1) }
        if x == StudyPlan.xOfTraining {
            let known = row.values.compactMap { $0[StudyPlan.xOfTraining] }.first
            return known ?? row.runs.first?.parameters.map(Double.init)
        }
        return row.runs.first?.recipe.value(of: x).flatMap(Double.init)
    }

    /// The values of a row, or its differences from the series that is subtracted, at the same x and seed.
    private func spread(_ row: Row, x: Double, _ y: StudyMetric) -> Statistics? {
        guard let minus = plan.study.plot.minus else { return row.statistics(y) }
        let base = rows.enumerated().first { index, other in
            guard let run = other.runs.first, plan.series(of: run) == minus, let own = place(of: other, index) else {
                return false
            }
            // Models of different n differ by the heads' own parameters.
            return x == own || other.runs.first?.arm != nil && other.runs.first?.arm == row.runs.first?.arm
        }
        return base.flatMap { row.difference(from: $0.element, y) }
    }

    private func bar(_ found: Statistics) -> ClosedRange<Double>? {
        guard found.count > 1 else { return nil }
        switch plan.study.plot.spread {
        case .range: return found.least...found.greatest
        case .error: return found.standardError.map { found.mean - $0...found.mean + $0 }
        }
    }
}
