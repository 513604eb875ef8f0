import ForetokenFiles
import ForetokenReport
import Foundation
import TestSupport
import Testing
import Torch

@testable import ForetokenStudies
@testable import ForetokenTraining

@Suite struct StudySummaryTests {
    private let place: StudyPlace

    init() throws { place = try StudyPlace() }

    /// Synthetic results of the measurements.
    private func results(
        _ plan: StudyPlan, bits: [Double], tokensPerForward: [Double] = []
    ) throws -> [String: StudyResult] {
        var results: [String: StudyResult] = [:]
        for (index, run) in plan.runs.enumerated() where index < bits.count {
            var result = StudyResult(name: run.name, digest: run.digest)
            result.training = .init(
                parameters: try #require(run.parameters), steps: 10, tokens: try #require(run.tokens),
                tokensPerSecond: 1500, peakBytes: 3 << 20)
            let loss = """
                {"loss": [1.5, 2], "bitsPerByte": [\(bits[index]), 3.5], "acceptance": [0.5, 0.25], "tokens": 5}
                """
            result.answers["loss"] = .init(digest: "a", value: try JSONValue(parsing: loss, file: "loss"))
            if tokensPerForward.indices.contains(index) {
                let decoding = "{\"tokensPerForward\": \(tokensPerForward[index]), \"speedUp\": 9}"
                result.answers["decoding"] = .init(digest: "b", value: try JSONValue(parsing: decoding, file: "d"))
            }
            results[run.name] = result
        }
        return results
    }

    @Test func statisticsAreThoseOfTheTextbook() throws {
        let four = try #require(Statistics([2, 4, 4, 6]))
        #expect(four.mean == 4 && four.median == 4 && four.least == 2 && four.greatest == 6)
        // The sample variance is 8/3; 1e-15 is nine units in the last place.
        #expect(abs(try #require(four.standardError) - (8.0 / 3 / 4).squareRoot()) < 1e-15)
        #expect(Statistics([1])?.standardError == nil && Statistics([]) == nil)
        #expect(Statistics([3, 1, 2])?.median == 2)
    }

    @Test func theTableHasMeansSeedsAndPairedDifferences() throws {
        let plan = try place.plan(
            """
            name: two heads
            grid: { model.heads: [1, 2], seed: [1, 2] }
            evaluate: [{ loss: { data: v.tokens } }, { decoding: { data: v.tokens } }]
            """)
        // Runs: heads 1 and 2 of seed 1, heads 1 and 2 of seed 2.
        let found = try results(plan, bits: [2.5, 2.25, 2.75, 2.0], tokensPerForward: [1, 1.5, 1, 1.75])
        let summary = StudySummary(plan, results: found)
        let lines = summary.markdown.split(separator: "\n").map(String.init)
        #expect(lines[0] == "**two heads**")
        #expect(
            lines[1]
                == "| variant | seeds | parameters | tokens | bits/byte (each seed) | Δ | tokens/forward (each seed) | Δ "
                + "| tokens/s | peak memory | acceptance of heads 2, 3, … |")
        // Differences −0.25 and −0.75: mean −0.5, standard error 0.25; 0.5 and 0.75: 0.625, 0.125.
        // Two tables of 258 × 16, six blocks of 4 × 16² + 3 × 16 × 24 + 2 × 16, a norm: 21,520.
        let parameters = "21.5k"
        #expect(
            lines[4]
                == "| heads 2 | 2 | \(parameters) | 320 | 2.125 (2.250, 2.000) | −0.5000 ± 0.2500 | 1.62 (1.50, 1.75) "
                + "| +0.625 ± 0.125 | 1.5k | 3 MiB | 25.0% |", "\(lines[4])")
        #expect(
            lines[3].hasPrefix("| heads 1 | 2 | \(parameters) | 320 | 2.625 (2.500, 2.750) |  | 1.00 (1.00, 1.00) |"))
        #expect(lines[5].contains("Δ: difference from 'heads 1', paired by seed, ± standard error over seeds"))
        // A terminal with 80 columns.
        let tables = summary.tables(width: 80)
        #expect(tables.split(separator: "\n").filter { !$0.hasPrefix("Δ") }.allSatisfy { $0.count <= 80 }, "\(tables)")
        #expect(tables.contains("−0.5000 ± 0.2500") && tables.contains("2.125"))
        let metrics = try #require(
            JSONNode(.object(summary.json), file: "x")["rows"].array().last?["metrics"]["bitsPerByte"])
        #expect(try metrics["mean"].double() == 2.125 && metrics["difference"]["standardError"].double() == 0.25)
        #expect(try metrics["least"].double() == 2 && metrics["seeds"].integer() == 2)
    }

    /// The 8 of 0.8 is not a head number, and columns beyond 80 characters are in a second table.
    @Test func temperaturesAreColumnsOfTheirOwn() throws {
        let plan = try place.plan(
            """
            arms: { first: {}, another-with-a-long-name-of-its-own: { training.clip: 0.5 } }
            evaluate: [{ loss: { data: v.tokens } }, { decoding: { data: v.tokens, temperatures: [0, 0.8], speed: true } }]
            """)
        var found = try results(plan, bits: [2.5, 2.25], tokensPerForward: [1.5, 1.75])
        for run in plan.runs {
            found[run.name]?.answers["decoding@0.8"] = .init(
                digest: "c", value: ["tokensPerForward": 1.25, "speedUp": 1.125])
        }
        let summary = StudySummary(plan, results: found)
        let header = try #require(summary.markdown.split(separator: "\n").dropFirst().first)
        #expect(
            header
                == "| variant | parameters | tokens | bits/byte | Δ | tokens/forward | Δ | speed-up | Δ | tokens/forward T 0.8 | Δ "
                + "| speed-up T 0.8 | Δ | tokens/s | peak memory | acceptance of heads 2, 3, … |")
        #expect(summary.markdown.contains("| 1.25 |") && summary.markdown.contains("| 1.12x |"))
        let tables = summary.tables(width: 80)
        #expect(tables.split(separator: "\n").filter { !$0.hasPrefix("Δ") }.allSatisfy { $0.count <= 80 }, "\(tables)")
        for column in summary.columns where column.head == nil { #expect(tables.contains(column.title)) }
    }

    @Test func whatIsMissingIsSaidAndLeftOut() throws {
        let plan = try place.plan(
            "grid: { model.heads: [1, 2], seed: [1, 2] }\nevaluate: [{ loss: { data: v.tokens } }]")
        let summary = StudySummary(
            plan, results: try results(plan, bits: [2.5, 2.25]), failures: ["heads-1_seed-2": "x"])
        #expect(summary.done == 2)
        #expect(
            summary.markdown.contains("2 of 4 runs are done.") && summary.markdown.contains("Failed: heads-1_seed-2."))
        // One seed has no spread.
        #expect(summary.markdown.contains("| heads 2 | 1 |") && summary.markdown.contains("| −0.2500 |"))
        let empty = StudySummary(plan, results: [:])
        #expect(empty.chart == nil && empty.markdown.contains("0 of 4 runs are done."))
    }

    @Test func theChartHasALineForEachSeriesWithTheSeedsSpread() throws {
        let yaml = """
            grid: { model.heads: [1, 2], seed: [1, 2] }
            arms: { plain: {}, decay: { training.headWeights: { decay: 0.5 } } }
            evaluate: [{ loss: { data: v.tokens } }]
            axes: { x: model.heads, series: arm, y: bitsPerByte }
            """
        let plan = try place.plan(yaml)
        let found = try results(plan, bits: [2.5, 2.25, 2.4, 2.2, 2.75, 2.0, 2.4, 2.1])
        let chart = try #require(StudySummary(plan, results: found).chart)
        #expect(chart.series.map(\.name) == ["plain", "decay"] && !chart.isXLogarithmic)
        #expect(chart.series[0].points.map(\.x) == [1, 2] && chart.series[0].points.map(\.y) == [2.625, 2.125])
        #expect(chart.series[0].points.map(\.bar) == [2.5...2.75, 2.0...2.25])
        let svg = chart.file
        #expect(svg.hasPrefix("<svg xmlns=") && svg.contains("data-s=\"plain\"") && svg.contains("class=\"e\""))
        #expect(svg.contains("(2.5 to 2.75)"))
        // Standard error instead of the range.
        let errors = try place.plan(yaml.replacing("y: bitsPerByte", with: "y: bitsPerByte, spread: error"))
        let bar = try #require(StudySummary(errors, results: found).chart?.series[0].points[0].bar)
        #expect(abs(bar.lowerBound - 2.5) < 1e-12 && abs(bar.upperBound - 2.75) < 1e-12)
    }

    @Test func differencesAgainstTheModelsSizeAreDrawnAsInThePaper() throws {
        let plan = try place.plan(
            """
            grid: { model.heads: [1, 2], seed: [1, 2] }
            arms: { small: {}, large: { model.width: 32 } }
            evaluate: [{ loss: { data: v.tokens } }]
            axes: { x: parameters, series: model.heads, y: bitsPerByte, minus: 1 }
            """)
        // small n = 1, 2, large n = 1, 2; then seed 2.
        let found = try results(plan, bits: [2.5, 2.75, 2.0, 1.5, 2.5, 2.5, 2.0, 1.75])
        let chart = try #require(StudySummary(plan, results: found).chart)
        #expect(chart.isXLogarithmic && chart.series.map(\.name) == ["heads 2"])
        #expect(chart.series[0].points.map(\.y) == [0.125, -0.375])
        #expect(chart.series[0].points.map(\.bar) == [0...0.25, -0.5 ... -0.25])
        #expect(chart.series[0].points.map(\.x) == [plan.runs[0], plan.runs[2]].map { Double($0.parameters ?? 0) })
    }

    @Test func resultsComeBackFromTheirFile() throws {
        let plan = try place.plan("evaluate: [{ loss: { data: v.tokens } }]")
        let result = try #require(try results(plan, bits: [2.5])["run"])
        let url = place.folder.file("r.json")
        try result.write(to: url)
        let read = try #require(try StudyResult(contentsOf: url, name: "run"))
        #expect(read.training == result.training && read.digest == result.digest)
        #expect(read.values(plan.study.measurements) == result.values(plan.study.measurements))
        #expect(read.values(plan.study.measurements)["acceptance.2"] == 0.25)
        try Data("{\"formatVersion\": 1}".utf8).write(to: url)
        let error = #expect(throws: StudyError.self) { try StudyResult(contentsOf: url, name: "run") }
        #expect(error?.description.contains("remove the file") == true)
        #expect(try StudyResult(contentsOf: place.folder.file("none.json"), name: "run") == nil)
    }
}
