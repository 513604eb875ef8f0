extension ReportPage {
    /// A metric of `metrics.jsonl` and its chart.
    private struct Metric {
        let name: String
        let title: String
        var note = ""
        var unit = ChartUnit.number
        var isLogarithmic = false
        var includesZero = false
    }

    private static let metrics = [
        Metric(name: "loss", title: "Loss", note: "cross-entropy, nats/token", isLogarithmic: true),
        Metric(
            name: "acceptance", title: "Acceptance", note: "head i correct, given heads 1 to i − 1 correct",
            unit: .percent, includesZero: true),
        Metric(
            name: "cumulativeAcceptance", title: "Cumulative acceptance", note: "heads 1 to i all correct",
            unit: .percent,
            includesZero: true),
        Metric(name: "bitsPerByte", title: "Bits per byte"),
        Metric(name: "learningRate", title: "Learning rate", includesZero: true),
        Metric(name: "gradientNorm", title: "Gradient norm", note: "before clipping", isLogarithmic: true),
        Metric(
            name: "headGradientNorm", title: "Gradient norm per head", note: "of the head's own parameters",
            isLogarithmic: true),
        Metric(name: "tokensPerSecond", title: "Throughput", note: "tokens/s", unit: .count, includesZero: true),
        Metric(name: "peakBytes", title: "Peak memory", unit: .bytes, includesZero: true),
    ]

    /// With several runs every head has its own chart; the maximum number of heads shown.
    private static let headLimit = 8
    /// The maximum number of points on a page, about 14 bytes each.
    private static let pointBudget = 40_000

    /// All charts of a page.
    static func figures(_ runs: [RunRecord]) -> [LineChart] {
        var charts = metrics.flatMap { runs.count == 1 ? oneRun(runs[0], $0) : severalRuns(runs, $0) }
        charts += decoding(runs)
        let firsts = runs.flatMap { $0.history.series.values.compactMap { $0.first?.x } }
        let steps = firsts.min().map { $0...max($0, Double(runs.map(\.history.lastStep).max() ?? 0)) }
        for index in charts.indices {
            if charts[index].xName == "step" { charts[index].xRange = steps }
            charts[index].pointBudget = min(charts[index].pointBudget, pointBudget / charts.count)
        }
        return charts
    }

    /// One chart with a line per head, coloured by head number.
    private static func oneRun(_ run: RunRecord, _ metric: Metric) -> [LineChart] {
        let training = run.history.series(metric.name, kind: "train")
        let validation = run.history.series(metric.name, kind: "validation")
        let count = (training + validation).compactMap(\.head).max() ?? 1
        func lines(
            _ found: [(head: Int?, series: ThinnedSeries)], _ name: String, _ weight: LineChart.Weight
        ) -> [LineChart.Series] {
            found.map { head, series in
                let isBackground = weight == .background
                let label = [isBackground ? name : "", head.map { "head \($0)" } ?? ""].filter { !$0.isEmpty }
                return LineChart.Series(
                    label.joined(separator: " "), series.points,
                    color: head.map { .ordered($0 - 1, of: count) } ?? .category(0),
                    weight: weight)
            }
        }
        return chart(
            metric, title: metric.title, caption: metric.note,
            lines(training, "training", validation.isEmpty ? .foreground : .background)
                + lines(validation, "validation", .foreground),
            legend: training.isEmpty || validation.isEmpty ? "" : "thin: training, bold: validation")
    }

    /// One chart per head, with a line per run.
    private static func severalRuns(_ runs: [RunRecord], _ metric: Metric) -> [LineChart] {
        let all = runs.map { run in
            ["train", "validation"].map { run.history.series(metric.name, kind: $0) }
        }
        let heads = Set(all.joined().joined().map { $0.head ?? 0 }).sorted().prefix(headLimit)
        return heads.flatMap { head in
            var series: [LineChart.Series] = []
            var isBoth = false
            for (index, run) in runs.enumerated() {
                let found = all[index].map { kind in kind.first { ($0.head ?? 0) == head }?.series.points ?? [] }
                if !found[0].isEmpty {
                    series.append(
                        LineChart.Series(
                            found[1].isEmpty ? run.name : "\(run.name), training", found[0], color: .category(index),
                            weight: found[1].isEmpty ? .foreground : .background))
                }
                if !found[1].isEmpty { series.append(LineChart.Series(run.name, found[1], color: .category(index))) }
                isBoth = isBoth || found.allSatisfy { !$0.isEmpty }
            }
            return chart(
                metric, title: metric.title + (head > 0 ? " of head \(head)" : ""), series,
                legend: isBoth ? "thin: training, bold: validation" : "")
        }
    }

    private static func chart(
        _ metric: Metric, title: String, caption: String = "", _ series: [LineChart.Series], legend: String
    ) -> [LineChart] {
        guard !series.isEmpty else { return [] }
        var chart = LineChart(title, series)
        chart.note = [caption, legend].filter { !$0.isEmpty }.joined(separator: "; ")
        chart.unit = metric.unit
        chart.isLogarithmic = metric.isLogarithmic
        chart.includesZero = metric.includesZero
        return [chart]
    }

    /// Decoding speed against the number of heads, for the runs with a `decoding.json`.
    private static func decoding(_ runs: [RunRecord]) -> [LineChart] {
        let measured = runs.enumerated().compactMap { index, run in run.decoding.map { (index, run.name, $0) } }
        func points(_ rows: [DecodingByHeads.Row], _ value: (DecodingByHeads.Row) -> Double) -> [ChartPoint] {
            rows.prefix(64).sorted { $0.heads < $1.heads }.map { ChartPoint(x: Double($0.heads), y: value($0)) }
        }
        guard !measured.isEmpty else { return [] }
        var chart = LineChart("Decoding speed", [])
        chart.note = "relative to next-token decoding"
        for (index, name, result) in measured {
            let isOne = runs.count == 1
            chart.series.append(
                LineChart.Series(isOne ? "speed-up" : name, points(result.rows, \.speedUp), color: .category(index)))
            if isOne {
                chart.series.append(
                    LineChart.Series(
                        "tokens/forward", points(result.rows, \.tokensPerForward), color: .category(1)))
            }
        }
        chart.xName = "heads used"
        chart.unit = .ratio
        chart.includesZero = true
        chart.ticksAtData = true
        return [chart] + drafts(measured)
    }

    /// Draft acceptance by head and the distribution of block lengths, each with the most heads measured.
    private static func drafts(_ measured: [(index: Int, name: String, result: DecodingByHeads)]) -> [LineChart] {
        let widest = measured.compactMap { index, name, result in
            result.rows.max { $0.heads < $1.heads }.map { (index, name, $0) }
        }
        func chart(
            _ title: String, _ note: String, _ xName: String, first: Int, _ values: (DecodingByHeads.Row) -> [Double]?
        ) -> [LineChart] {
            let series = widest.compactMap { index, name, row in
                values(row).map { values in
                    LineChart.Series(
                        measured.count == 1 ? "\(row.heads) heads" : name,
                        values.prefix(64).enumerated().map { ChartPoint(x: Double(first + $0), y: $1) },
                        color: .category(index))
                }
            }
            guard series.contains(where: { !$0.points.isEmpty }) else { return [] }
            var chart = LineChart(title, series)
            (chart.note, chart.xName) = (note, xName)
            (chart.unit, chart.includesZero, chart.ticksAtData) = (.percent, true, true)
            return [chart]
        }
        return chart("Draft acceptance", "accepted ÷ proposed drafts of each head", "head", first: 2) { $0.acceptance }
            + chart("Block length", "share of verification passes", "tokens emitted per pass", first: 1) { row in
                row.acceptedLengths.map { lengths in
                    let passes = Double(max(1, lengths.reduce(0, +)))
                    return lengths.map { Double($0) / passes }
                }
            }
    }
}
