import Foundation
import Testing

@testable import ForetokenReport

@Suite struct LineChartTests {
    @Test func aFileOfItsOwnIsWellFormedAndRefersToNothing() {
        var chart = LineChart(
            "Peak <memory>",
            ["joint", "a \"b\" & 'c' <d>\u{1}"].enumerated().map { index, name in
                LineChart.Series(
                    name,
                    (1...8).map {
                        let y = Double($0 * (index + 1)) * 1e8
                        return ChartPoint(x: Double($0), y: y, bar: y * 0.9...y * 1.1)
                    }, color: .category(index))
            })
        chart.unit = .bytes
        chart.ticksAtData = true
        chart.xName = "heads"
        let parsed = PageParser(chart.file)
        #expect(parsed.problem == nil)
        #expect(parsed.lines.map(\.name) == ["joint", "a \"b\" & 'c' <d>\u{FFFD}"])
        #expect(parsed.lines.allSatisfy { points(of: $0.path).count == 8 })
        #expect(parsed.elements.filter { $0.attributes["class"] == "e" }.count == 2)
        #expect(parsed.elements.filter { $0.name == "circle" }.count == 16)
        #expect(chart.file.components(separatedBy: "http").count == 2)  // the namespace
        #expect(parsed.text.contains("Peak <memory>"))
    }

    /// Converting a line's pixels with the scale in the chart's attributes gives its values.
    @Test(arguments: [false, true])
    func pixelsReadBackAsValues(log: Bool) throws {
        let values: [Double] = [1, 5, 2, 80, 3]
        var chart = LineChart(
            "x",
            [
                LineChart.Series(
                    "s", values.enumerated().map { ChartPoint(x: Double($0.offset), y: $0.element) },
                    color: .category(0))
            ])
        chart.isLogarithmic = log
        let parsed = PageParser(chart.figure)
        let svg = try #require(parsed.elements.first { $0.name == "svg" })
        let y = try #require(svg.attributes["data-y"]).split(separator: " ").map { Double($0)! }
        #expect((y[4] == 1) == log)
        for (point, value) in zip(points(of: parsed.lines[0].path), values) {
            let part = (point.y - y[2]) / (y[3] - y[2])
            let read = log ? y[0] * pow(y[1] / y[0], part) : y[0] + part * (y[1] - y[0])
            // A hundredth of 190 pixels is 5e-5 of the range.
            #expect(abs(read - value) < (log ? value : y[1] - y[0]) * 5e-4)
        }
    }

    /// In the widest of the style's fonts, the mean width of a letter is 0.62 of the font size in bold, 0.56 otherwise.
    @Test(arguments: [
        ("Short", ""), ("Short", "and a note"), ("Peak MiB of a training step", "V 32000, 12 layers in all"),
        (
            "A title that goes on and on and is longer than any picture is wide, and goes on",
            "500 tasks; error bars: 90 % bootstrap intervals over tasks; best temperature of each model, and further remarks"
        ), ("x", String(repeating: "longword", count: 30)), ("", "a note"),
    ])
    func titleAndNoteStayInsideThePictureAndAboveTheLines(title: String, note: String) throws {
        var chart = LineChart(title, [LineChart.Series("s", [ChartPoint(x: 0, y: 1)], color: .category(0))])
        chart.note = note
        let parsed = PageParser(chart.file)
        #expect(parsed.problem == nil)
        let heading = try #require(
            chart.file.components(separatedBy: "</style>\n").last?.components(separatedBy: "</text>").first)
        // Every line starts with an x attribute; the note after a short title has a dx.
        let lines = heading.components(separatedBy: " x=\"8\"").dropFirst().map { line in
            line.replacing(#/<[^>]*>/#, with: "").replacing(#/^[^>]*>/#, with: "").replacing(#/<.*$/#, with: "")
        }
        let isOne = lines.count == 1
        for (index, line) in lines.enumerated() {
            let isTitle = index == 0 && !isOne || line.count <= title.count && title.contains(line)
            let width =
                isOne
                ? 8.7 * Double(title.count) + 6.2 * Double(note.count) : (isTitle ? 8.7 : 6.2) * Double(line.count)
            #expect(8 + width < 400, "\(line)")
        }
        #expect(lines.joined().filter { $0 != " " } == (title + note).filter { $0 != " " })
        let svg = try #require(parsed.elements.first { $0.name == "svg" })
        let top = try #require(svg.attributes["data-y"]).split(separator: " ").map { Double($0)! }[3]
        #expect(top >= 19 + 14 * Double(lines.count))
    }

    @Test(arguments: [
        (862.0, "862"), (0, "0"), (-3, "-3"), (123_456, "123456"), (0.25, "0.250"), (862.5, "862.500"), (1e7, "1e+07"),
    ])
    func wholeNumbersAreLabelledWithoutDigitsAfterThePoint(value: Double, label: String) {
        #expect(ChartUnit.number.label(value) == label)
    }

    @Test func errorBarsOfSeveralLinesDoNotOverlapAndHaveTheirRangeInTheTitle() throws {
        var chart = LineChart(
            "pass@k",
            (0..<3).map { line in
                LineChart.Series(
                    "m\(line)",
                    [1.0, 10, 100].map { ChartPoint(x: $0, y: 0.5, bar: 0.4...(0.6 + Double(line) / 10)) },
                    color: .category(line))
            })
        (chart.unit, chart.isXLogarithmic, chart.ticksAtData) = (.percent, true, true)
        let parsed = PageParser(chart.file)
        #expect(parsed.problem == nil)
        let lines = parsed.lines.map { points(of: $0.path) }
        for index in 0..<3 { #expect(Set(lines.map { $0[index].x }).count == 3) }
        // Equal ratios of x are equal distances; the middle line is at the ticks. Coordinates are rounded to hundredths.
        #expect(abs((lines[1][1].x - lines[1][0].x) - (lines[1][2].x - lines[1][1].x)) < 0.08)
        #expect(chart.file.contains("m0, k 1: 50% (40% to 60%)") || chart.file.contains("m0, step 1: 50% (40% to 60%)"))
        let bars = parsed.elements.filter { $0.attributes["class"] == "e" }.compactMap { $0.attributes["d"] }
        #expect(bars.count == 3)
        // Converted with the scale, the ends of a bar are its values; half a hundredth of a pixel is 2e-5 of them.
        let y = try #require(parsed.elements.first { $0.name == "svg" }?.attributes["data-y"]).split(separator: " ").map
        { Double($0)! }
        func value(_ pixel: Double) -> Double { y[0] + (pixel - y[2]) / (y[3] - y[2]) * (y[1] - y[0]) }
        let numbers = bars[2].split { !($0.isNumber || $0 == ".") }.map { Double($0)! }
        #expect(abs(value(numbers[1]) - 0.4) < 1e-3 && abs(value(numbers[2]) - 0.8) < 1e-3)
    }

    @Test func labelsNeverOverlapAndSayHowManyAreLeftOut() {
        let chart = LineChart(
            "x",
            (0..<30).map { index in
                LineChart.Series(
                    "line \(index)", [ChartPoint(x: 0, y: 1), ChartPoint(x: 9, y: 2 + Double(index) * 1e-3)],
                    color: .category(index))
            })
        let parsed = PageParser(chart.figure)
        let heights = parsed.elements.filter { $0.attributes["class"] == "v" }.compactMap {
            Double($0.attributes["y"] ?? "")
        }
        #expect(heights.count == 24)
        #expect(zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 > 13 })
        #expect(parsed.text.contains("and 6 more"))
    }

    @Test func aValueThatCannotBeDrawnBreaksTheLineAndIsMarked() {
        let values = [1, 2, Double.nan, 3, .infinity, -.infinity, 1e305, 4]
        let chart = LineChart(
            "x",
            [
                LineChart.Series(
                    "s", values.enumerated().map { ChartPoint(x: Double($0.offset), y: $0.element) },
                    color: .ordered(0, of: 1))
            ])
        let parsed = PageParser(chart.figure)
        #expect(parsed.problem == nil)
        #expect(parsed.lines[0].path.filter { $0 == "M" }.count == 3)
        #expect(parsed.elements.filter { $0.attributes["class"] == "x" }.count == 4)
        #expect(!parsed.lines[0].path.contains("nan") && !parsed.lines[0].path.contains("inf"))
    }

    @Test(arguments: [[], [ChartPoint(x: 3, y: 0)], [ChartPoint(x: 3, y: .nan)]])
    func noneOrOnePointIsAChartToo(points: [ChartPoint]) {
        for log in [false, true] {
            var chart = LineChart("x", [LineChart.Series("s", points, color: .category(0))])
            chart.isLogarithmic = log
            #expect(PageParser(chart.figure).problem == nil)
            #expect(!chart.figure.contains("NaN"))
        }
    }

    @Test func headsAreARampThatKeepsItsOrder() {
        func lightness(_ hex: String) -> Int {
            let value = Int(hex.dropFirst(), radix: 16)!
            return 299 * (value >> 16) + 587 * (value >> 8 & 255) + 114 * (value & 255)
        }
        for count in 1...8 {
            let ramp = (0..<count).map { ChartColor.ordered($0, of: count).hex }
            #expect(zip(ramp, ramp.dropFirst()).allSatisfy { lightness($0.light) < lightness($1.light) })
            #expect(zip(ramp, ramp.dropFirst()).allSatisfy { lightness($0.dark) > lightness($1.dark) })
        }
    }

    /// WCAG 2.1, section 1.4.11: a contrast of at least 3 between a line and its background.
    @Test func everyColourHasEnoughContrast() {
        func luminance(_ hex: String) -> Double {
            let value = Int(hex.dropFirst(), radix: 16)!
            func channel(_ shift: Int) -> Double {
                let part = Double(value >> shift & 255) / 255
                return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
            }
            let channels = [channel(16), channel(8), channel(0)]
            return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
        }
        func contrast(_ a: String, _ b: String) -> Double {
            let (x, y) = (luminance(a) + 0.05, luminance(b) + 0.05)
            return max(x, y) / min(x, y)
        }
        for color in (0..<8).map({ ChartColor.category($0) }) + (0..<8).map({ ChartColor.ordered($0, of: 8) }) {
            #expect(contrast(color.hex.light, "#ffffff") >= 3, "\(color)")
            #expect(contrast(color.hex.dark, "#181c20") >= 3, "\(color)")
        }
    }
}
