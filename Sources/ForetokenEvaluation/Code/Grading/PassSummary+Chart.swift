public import ForetokenReport

extension PassSummary {
    /// pass@k against k with 90 % intervals as error bars, as in figure 3 of the multi-token prediction paper.
    ///
    /// With several models, one line per model at its best temperature for each k; with a single model, one per temperature.
    public static func chart(_ models: [(name: String, summary: PassSummary)]) -> LineChart {
        var lines: [(String, (Int) -> PassAtK.Estimate?)] = models.map { model in
            (model.name, { k in model.summary.best(k: k)?.estimates[k] })
        }
        if models.count == 1, let rows = models.first?.summary.rows, rows.count > 1 {
            lines = rows.map { row in
                (row.temperature.map { "T = \($0)" } ?? "T unknown", { k in row.estimates[k] })
            }
        }
        let ks = Set(models.flatMap(\.summary.ks)).sorted()
        let tasks = Set(models.flatMap { $0.summary.rows.flatMap(\.counts.keys) }).count
        var chart = LineChart(
            "pass@k",
            lines.enumerated().map { index, line in
                LineChart.Series(
                    line.0,
                    ks.compactMap { k in
                        line.1(k).map {
                            ChartPoint(x: Double(k), y: $0.value, bar: min($0.low, $0.high)...max($0.low, $0.high))
                        }
                    }, color: .category(index))
            })
        chart.note =
            "\(tasks) tasks; error bars: 90 % bootstrap intervals over tasks"
            + (models.count > 1 ? "; best temperature of each model" : "")
        chart.xName = "k"
        chart.unit = .percent
        (chart.isXLogarithmic, chart.ticksAtData, chart.includesZero) = (true, true, true)
        return chart
    }
}
