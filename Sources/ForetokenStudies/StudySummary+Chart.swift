import ForetokenReport
import ForetokenTraining

extension StudySummary {
    /// The mean over seeds against the study's x, with one line per series and error bars over seeds; nil without results.
    var chart: LineChart? {
        guard let y = plan.y else { return nil }
        var lines: [(name: String, points: [ChartPoint])] = []
        for (index, row) in rows.enumerated() {
            guard let run = row.runs.first, let x = x(of: row, index) else { continue }
            let name = plan.series(of: run)
            guard let statistics = statistics(row, x: x, y) else { continue }
            let line = lines.firstIndex { $0.name == name } ?? lines.count
            if line == lines.count { lines.append((name, [])) }
            lines[line].points.append(ChartPoint(x: x, y: statistics.mean, bar: bar(statistics)))
        }
        if let minus = plan.study.plot.minus { lines.removeAll { $0.name == minus } }
        guard lines.contains(where: { !$0.points.isEmpty }) else { return nil }
        var chart = LineChart(
            y.title + (plan.study.plot.minus.map { ", minus \(seriesPrefix)\($0)" } ?? ""),
            lines.enumerated().map { index, line in
                LineChart.Series(
                    seriesPrefix + line.name, line.points.sorted { $0.x < $1.x }, color: .category(index))
            })
        chart.note = plan.study.name + (hasSpread ? "; mean over seeds, error bars: \(spreadName)" : "")
        chart.xName = plan.x ?? "variant"
        chart.unit = y.chartUnit
        chart.isXLogarithmic = plan.x == StudyPlan.xOfTraining
        chart.ticksAtData = !chart.isXLogarithmic
        return chart
    }

    /// The name of the recipe key before a series' value; empty for arms.
    private var seriesPrefix: String {
        guard let key = plan.study.plot.series, key != "arm" else { return "" }
        return (key.split(separator: ".").last.map(String.init) ?? key) + " "
    }

    private var hasSpread: Bool { rows.contains { $0.values.count { !$0.isEmpty } > 1 } }

    private var spreadName: String {
        switch plan.study.plot.spread {
        case .range: "minimum to maximum"
        case .error: "± standard error"
        }
    }

    private func x(of row: Row, _ index: Int) -> Double? {
        guard let x = plan.x else { return Double(index + 1) }
        if x == StudyPlan.xOfTraining {
            let known = row.values.compactMap { $0[StudyPlan.xOfTraining] }.first
            return known ?? row.runs.first?.parameters.map(Double.init)
        }
        return row.runs.first?.recipe.value(of: x).flatMap(Double.init)
    }

    /// The statistics of a row, or of its differences from the subtracted series at the same x and seed.
    private func statistics(_ row: Row, x: Double, _ y: StudyMetric) -> Statistics? {
        guard let minus = plan.study.plot.minus else { return row.statistics(y) }
        let base = rows.enumerated().first { index, other in
            guard let run = other.runs.first, plan.series(of: run) == minus, let otherX = self.x(of: other, index)
            else {
                return false
            }
            // With parameters as x, models of one arm with different n do not match exactly: heads have parameters of their own.
            return x == otherX || other.runs.first?.arm != nil && other.runs.first?.arm == row.runs.first?.arm
        }
        return base.flatMap { row.difference(from: $0.element, y) }
    }

    private func bar(_ statistics: Statistics) -> ClosedRange<Double>? {
        guard statistics.count > 1 else { return nil }
        switch plan.study.plot.spread {
        case .range: return statistics.least...statistics.greatest
        case .error: return statistics.standardError.map { statistics.mean - $0...statistics.mean + $0 }
        }
    }
}
