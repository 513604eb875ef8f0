import Foundation

extension LineChart {
    private static let width = 400.0
    private static let lineHeight = 13.5
    private static let labelLimit = 24

    func svg(standalone: Bool) -> String {
        let (heading, top) = standalone ? heading : ("", 10)
        let drawing = Drawing(self, top: top)
        let size = "0 0 \(Markup.coordinate(Self.width)) \(Markup.coordinate(drawing.height))"
        return "<svg\(standalone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "") class=\"chart\" role=\"img\""
            + " aria-label=\"\(Markup.escaped(title))\" viewBox=\"\(size)\" \(drawing.scales)>\n"
            + heading + drawing.axes + drawing.lines + drawing.labels + "</svg>\n"
    }

    /// Style, title and note of a standalone file, and the y coordinate at which the plot starts.
    private var heading: (text: String, bottom: Double) {
        // Line lengths assume the widest of the style's fonts.
        let (titles, notes) = (Markup.wrapped(title, to: 42), Markup.wrapped(note, to: 58))
        let begin = "<style>\(Self.style)</style>\n<text class=\"t\" x=\"8\" y=\"19\">"
        if titles.count == 1, note.isEmpty || 9 * Double(title.count) + 6.6 * Double(note.count) + 24 < Self.width {
            let note = note.isEmpty ? "" : "<tspan class=\"n\" dx=\"8\">\(Markup.escaped(note))</tspan>"
            return (begin + Markup.escaped(title) + note + "</text>\n", 40)
        }
        func lines(_ texts: [String], _ attributes: String) -> String {
            texts.map { "<tspan x=\"8\" \(attributes)>\(Markup.escaped($0))</tspan>" }.joined()
        }
        let first = titles.first.map(Markup.escaped) ?? ""
        let text = begin + first + lines(Array(titles.dropFirst()), "dy=\"17\"") + lines(notes, "class=\"n\" dy=\"14\"")
        return (text + "</text>\n", 40 + 17 * Double(max(0, titles.count - 1)) + 14 * Double(notes.count))
    }

    /// The layout of one chart.
    private struct Drawing {
        let chart: LineChart
        let x: Scale
        let y: Scale
        let height: Double
        let lines: String
        private let series: [LineChart.Series]
        /// The horizontal offset of each series in pixels, which keeps error bars of several series from overlapping.
        private let shifts: [Double]
        /// The labels at the ends of the lines.
        private let texts: [(text: String, y: Double, x: Double, index: Int)]
        private var right: Double { x.pixels.1 }

        init(_ chart: LineChart, top: Double) {
            let spans = min(400, max(12, chart.pointBudget / max(1, 2 * chart.series.count)))
            var series =
                chart.series.filter { $0.weight == .background } + chart.series.filter { $0.weight == .foreground }
            for index in series.indices {
                series[index].points = ThinnedSeries.thin(series[index].points, spans: spans)
            }
            let points = series.flatMap(\.points)
            let drawable = points.filter(\.isDrawable)
            let labels = series.indices.compactMap { index -> (text: String, point: ChartPoint, index: Int)? in
                let line = series[index]
                guard line.weight == .foreground, let last = line.points.last(where: \.isDrawable) else { return nil }
                let name = Markup.shortened(line.name, to: 20)
                return (name + (name.isEmpty ? "" : "  ") + chart.unit.label(last.y), last, index)
            }.sorted { $0.point.y > $1.point.y }
            let shown = labels.prefix(LineChart.labelLimit)
            height = top + max(190, Double(shown.count) * LineChart.lineHeight) + 38
            let values = drawable.flatMap { [$0.y] + ($0.bar.map { [$0.lowerBound, $0.upperBound] } ?? []) }
            y = Scale(
                values.filter { abs($0) < 1e300 }, logarithmic: chart.isLogarithmic, includesZero: chart.includesZero,
                padding: 0.05, pixels: (height - 38, top))
            // A digit is about 6.2 pixels wide in the label font.
            let longest = Double(shown.map(\.text.count).max() ?? 0) * 6.2
            let left =
                14 + 6.4
                * Double(y.labels(y.ticks(about: 4, unit: chart.unit), unit: chart.unit).map(\.count).max() ?? 1)
            x = Scale(
                points.map(\.x).filter { abs($0) < 1e300 }
                    + (chart.xRange.map { [$0.lowerBound, $0.upperBound] } ?? []),
                logarithmic: chart.isXLogarithmic, includesZero: false,
                padding: chart.ticksAtData ? 0.06 : 0, pixels: (left, LineChart.width - max(10, longest + 18)))
            let barred = series.indices.filter { index in series[index].points.contains { $0.bar != nil } }
            shifts = series.indices.map { [barred] index in
                barred.firstIndex(of: index).map { 7 * (Double($0) - Double(barred.count - 1) / 2) } ?? 0
            }
            self.chart = chart
            self.series = series
            texts = Self.spread(
                shown.map { [y] label in (label.text, y(label.point.y)) }, between: top + 4, and: height - 38
            )
            .enumerated().map { [x, shifts] index, text in
                (text.0, text.1, x(shown[index].point.x) + shifts[shown[index].index], shown[index].index)
            }
            // Markers carry a title each, so they are drawn only for a small number of points.
            let hasMarkers = series.reduce(0) { $0 + ($1.points.count <= 60 ? $1.points.count : 0) } <= 300
            lines = zip(series, shifts).map { [x, y] line, shift in
                Self.line(line, chart, { x($0) + shift }, y, hasMarkers: hasMarkers)
            }.joined()
        }

        /// Separates overlapping labels while keeping each as close to its line as possible.
        private static func spread(_ texts: [(String, Double)], between top: Double, and bottom: Double) -> [(
            String, Double
        )] {
            var result = texts
            for index in result.indices {
                let room = Double(result.count - 1 - index) * LineChart.lineHeight
                let free = index == 0 ? top : result[index - 1].1 + LineChart.lineHeight
                result[index].1 = max(free, min(result[index].1, bottom - room))
            }
            return result
        }

        /// The data attributes with which the page's script converts pixels to values.
        var scales: String {
            func text(_ scale: Scale) -> String { "\(scale.low) \(scale.high) \(scale.pixels.0) \(scale.pixels.1)" }
            return
                "data-x=\"\(text(x)) \(x.isLogarithmic ? 1 : 0)\" data-y=\"\(text(y)) \(y.isLogarithmic ? 1 : 0)\" data-unit=\"\(chart.unit.rawValue)\""
                + " data-name=\"\(Markup.escaped(chart.xName))\""
        }

        var axes: String {
            let c = Markup.coordinate
            let ticks = y.ticks(about: 4, unit: chart.unit)
            var text = ""
            for (tick, label) in zip(ticks, y.labels(ticks, unit: chart.unit)) {
                text +=
                    "<path class=\"g\" d=\"M\(c(x.pixels.0)) \(c(y(tick)))H\(c(right))\"/>"
                    + "<text x=\"\(c(x.pixels.0 - 6))\" y=\"\(c(y(tick) + 4))\" text-anchor=\"end\">\(Markup.escaped(label))</text>\n"
            }
            let bottom = y.pixels.0
            let xTicks =
                chart.ticksAtData
                ? Array(Set(series.flatMap(\.points).map(\.x).filter { abs($0) < 1e300 })).sorted().prefix(12).map {
                    $0
                }
                : x.ticks(about: 4, unit: .count)
            for tick in xTicks {
                text +=
                    "<path class=\"a\" d=\"M\(c(x(tick))) \(c(bottom))v4\"/>"
                    + "<text x=\"\(c(x(tick)))\" y=\"\(c(bottom + 17))\" text-anchor=\"middle\">"
                    + "\(Markup.escaped(ChartUnit.count.text(tick)))</text>\n"
            }
            return text + "<path class=\"a\" d=\"M\(c(x.pixels.0)) \(c(bottom))H\(c(right))\"/>"
                + "<text class=\"n\" x=\"\(c(x.pixels.0))\" y=\"\(c(bottom + 32))\">\(Markup.escaped(chart.xName))</text>\n"
        }

        var labels: String {
            let c = Markup.coordinate
            let hidden = series.filter { $0.weight == .foreground }.count - texts.count
            return texts.map { text, height, start, index in
                let (light, dark) = series[index].color.hex
                let end = y(series[index].points.last(where: \.isDrawable)?.y ?? 0)
                let leader = right - start > 30 ? "s l d" : "s l"
                return
                    "<path class=\"\(leader)\" stroke=\"\(light)\" style=\"--d:\(dark)\" d=\"M\(c(start + 3)) \(c(end))"
                    + "L\(c(max(start, right) + 9)) \(c(height))h4\"/>"
                    + "<text class=\"v\" x=\"\(c(max(start, right) + 16))\" y=\"\(c(height + 4))\">\(Markup.escaped(text))</text>\n"
            }.joined()
                + (hidden > 0
                    ? "<text class=\"n\" x=\"\(c(right + 16))\" y=\"\(c(y.pixels.0 + 17))\">and \(hidden) more</text>\n"
                    : "")
        }

        /// The range of an error bar as text for the marker's title.
        private static func range(_ point: ChartPoint, _ chart: LineChart) -> String {
            point.bar.map { " (\(chart.unit.text($0.lowerBound)) to \(chart.unit.text($0.upperBound)))" } ?? ""
        }

        /// A line with its error bars and markers, interrupted where a value is not finite.
        private static func line(
            _ series: LineChart.Series, _ chart: LineChart, _ x: (Double) -> Double, _ y: Scale, hasMarkers: Bool
        ) -> String {
            let c = Markup.coordinate
            let (light, dark) = series.color.hex
            var path = ""
            var (bars, markers, isPenDown) = ("", "", false)
            var (gaps, drawn) = (0, 0)
            for point in series.points where abs(point.x) < 1e300 {
                let label = "\(chart.xName) \(ChartUnit.number.text(point.x)): \(chart.unit.text(point.y))"
                guard point.isDrawable else {
                    isPenDown = false
                    gaps += 1
                    if gaps <= 20 {
                        markers +=
                            "<path class=\"x\" d=\"M\(c(x(point.x) - 3)) \(c(y.pixels.1 - 3))l6 6m0 -6l-6 6\">"
                            + "<title>\(Markup.escaped("\(series.name), \(label)"))</title></path>\n"
                    }
                    continue
                }
                drawn += 1
                path += (isPenDown ? "L" : "M") + c(x(point.x)) + " " + c(y(point.y))
                isPenDown = true
                if let bar = point.bar {
                    bars +=
                        "M\(c(x(point.x))) \(c(y(bar.lowerBound)))V\(c(y(bar.upperBound)))"
                        + "m-3 0h6M\(c(x(point.x) - 3)) \(c(y(bar.lowerBound)))h6"
                }
                if hasMarkers && series.weight == .foreground && series.points.count <= 60 || series.points.count == 1 {
                    let title = Markup.escaped("\(series.name), \(label)\(Self.range(point, chart))")
                    markers +=
                        "<circle cx=\"\(c(x(point.x)))\" cy=\"\(c(y(point.y)))\" r=\"2.6\">"
                        + "<title>\(title)</title></circle>\n"
                }
            }
            guard drawn + gaps > 0 else { return "" }
            let dashes = series.color.dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
            let name = Markup.escaped(series.name)
            return
                "<g class=\"s \(series.weight == .background ? "b" : series.points.count > 100 ? "f m" : "f")\" stroke=\"\(light)\" fill=\"\(light)\""
                + " style=\"--d:\(dark)\">"
                + "<path class=\"p\" data-s=\"\(name)\"\(dashes) d=\"\(path)\"><title>\(name)</title></path>"
                + (bars.isEmpty ? "" : "<path class=\"e\" d=\"\(bars)\"/>") + markers + "</g>\n"
        }
    }
}
