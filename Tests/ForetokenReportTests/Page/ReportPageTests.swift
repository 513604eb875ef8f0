import Foundation
import Testing

@testable import ForetokenReport

@Suite struct ReportPageTests {
    private static func run(_ directory: RunDirectory) throws -> RunRecord { try RunRecord(directory.url) }

    @Test func aRunHasAChartForEachMetricAndALineForEachHead() throws {
        let directory = try RunDirectory()
        try directory.record(steps: 20, heads: 3)
        try directory.write("seed: 1\ntraining:\n  note: <b>&amp;</b>\n", to: "recipe.yaml")
        let page = ReportPage.html([try Self.run(directory)])
        let parsed = PageParser(page)
        #expect(parsed.problem == nil)
        #expect(!page.contains("http"))
        let charts = parsed.elements.filter { $0.name == "svg" }.compactMap { $0.attributes["aria-label"] }
        #expect(
            charts == [
                "Loss", "Acceptance", "Cumulative acceptance", "Bits per byte", "Learning rate", "Gradient norm",
                "Throughput", "Peak memory",
            ])
        // Loss: 3 training and 3 validation lines; both acceptances and bits per byte 3 each; four of one line.
        #expect(parsed.lines.count == 3 + 3 + 3 + 3 + 3 + 4)
        #expect(parsed.lines.filter { $0.name == "training head 2" }.map { points(of: $0.path).count } == [20])
        #expect(parsed.lines.filter { $0.name == "head 2" }.map { points(of: $0.path).count } == [4, 4, 4, 4])
        #expect(parsed.text.contains("note: <b>&amp;</b>"))
        #expect(parsed.text.contains("50.0%"))
    }

    @Test func longRunsStayUnderAMegabyteAndKeepTheirSpike() throws {
        let directory = try RunDirectory()
        try directory.record(steps: 200_000, heads: 8, validationEvery: 50, spike: 123_457)
        let run = try Self.run(directory)
        let page = ReportPage.html([run])
        #expect(page.utf8.count < 1_000_000)
        let parsed = PageParser(page)
        #expect(parsed.problem == nil)
        // The highest point drawn is the spike; a hundredth of a pixel is 1e-3 of a value on this scale.
        let line = try #require(parsed.lines.first { $0.name == "training head 1" })
        let svg = try #require(parsed.elements.first { $0.name == "svg" })
        let y = try #require(svg.attributes["data-y"]).split(separator: " ").map { Double($0)! }
        let part = (try #require(points(of: line.path).map(\.y).min()) - y[2]) / (y[3] - y[2])
        #expect(abs(y[0] * pow(y[1] / y[0], part) / 1e6 - 1) < 1e-2)
        #expect(ReportPage.html([run, run, run, run]).utf8.count < 1_000_000)
    }

    @Test func runsSideBySideHaveAChartForEachHeadAndTheirDifferencesMarked() throws {
        let (a, b) = (try RunDirectory("a"), try RunDirectory("b"))
        try a.record(steps: 20, heads: 2)
        try b.record(steps: 10, heads: 1)
        try a.write("seed: 1\nmodel:\n  heads: 2\n", to: "recipe.yaml")
        try b.write("seed: 1\nmodel:\n  heads: 1\n", to: "recipe.yaml")
        let runs = try RunRecord.read([a.url.path, b.url.path])
        let page = ReportPage.html(runs)
        let parsed = PageParser(page)
        #expect(parsed.problem == nil)
        let charts = parsed.elements.filter { $0.name == "svg" }.compactMap { $0.attributes["aria-label"] }
        #expect(
            charts.prefix(4) == ["Loss of head 1", "Loss of head 2", "Acceptance of head 1", "Acceptance of head 2"])
        #expect(parsed.lines.prefix(4).map(\.name) == ["a, training", "b, training", "a", "b"])
        #expect(page.contains("<mark>  heads: 2</mark>") && page.contains("<mark>  heads: 1</mark>"))
        #expect(!page.contains("<mark>seed"))
    }

    @Test func runsWithTheSameNameAreCalledByTheirPathsAndTheSameRunTwiceIsRefused() throws {
        let (a, b) = (try RunDirectory("run"), try RunDirectory("run"))
        try a.record(steps: 2)
        try b.record(steps: 2)
        #expect(try RunRecord.read([a.url.path, b.url.path]).map(\.name) == [a.url.path, b.url.path])
        #expect(throws: ReportError.sameRun(a.url.path + "/.")) { try RunRecord.read([a.url.path, a.url.path + "/."]) }
    }

    @Test func theDecodingResultOfARunIsAChart() throws {
        let directory = try RunDirectory()
        try directory.record(steps: 3)
        let result = DecodingByHeads(
            prompts: 8, maximumTokens: 160, temperature: 0,
            rows: (1...3).map {
                .init(
                    heads: $0, tokensPerForward: Double($0) * 0.8, tokensPerSecond: 100, speedUp: $0 == 3 ? .nan : 1.1,
                    acceptance: [0.8, 0.5].prefix($0 - 1).map(\.self),
                    acceptedLengths: [1, 2, 1].prefix($0).map(\.self))
            })
        try result.write(toRun: directory.url)
        let read = try #require(DecodingByHeads(run: directory.url))
        #expect(read.rows.count == 3 && read.rows[2].speedUp.isNaN && read.rows[1] == result.rows[1])
        let page = try String(contentsOf: RunRecord.report(in: directory.url), encoding: .utf8)
        let parsed = PageParser(page)
        #expect(parsed.problem == nil)
        #expect(parsed.lines.suffix(4).map(\.name) == ["speed-up", "tokens/forward", "3 heads", "3 heads"])
        #expect(parsed.lines.suffix(4).map { points(of: $0.path).count } == [2, 3, 2, 3])
    }

    @Test(arguments: ["", "{\"kind\":\"train\",\"step\":1,\"loss\":[2]}", "{\"torn"])
    func emptyAndTornMetricsAreAPage(text: String) throws {
        let directory = try RunDirectory("<run> & \u{7}")
        try directory.write(text)
        let page = ReportPage.html([try Self.run(directory)])
        #expect(PageParser(page).problem == nil)
        #expect(page.contains("No metrics yet") == !text.contains("loss"))
        #expect(page.contains("&lt;run&gt; &amp; \u{FFFD}"))
    }

    @Test func hostileValuesAreAPage() throws {
        let directory = try RunDirectory()
        let values = ["[\"nan\",\"inf\"]", "[1e308,-1e308]", "{}", "[[1]]", "null", "\"x\"", "true", "0", "[]", "-1"]
        let lines = values.enumerated().map { index, value in
            "{\"kind\":\"train\",\"step\":\(index * 1_000_000_000_000),\"loss\":\(value),\"acceptance\":\(value),\"peakBytes\":\(value),\"<i>\":\(value)}\n"
        }
        try directory.write(lines.joined())
        try Data([0xFF, 0xFE, 0x00]).write(to: directory.url.appendingPathComponent("recipe.yaml"))
        try directory.write("[]", to: "decoding.json")
        let page = ReportPage.html([try Self.run(directory)])
        #expect(PageParser(page).problem == nil)
        #expect(!page.contains("<i>"))
    }

    @Test(arguments: [
        "garbage", "[]", "{}", "{\"step\":1.5}", "{\"step\":\"1\"}", "\u{FFFD}", String(repeating: "[", count: 100_000),
    ])
    func aLineThatIsNoRecordIsNamed(line: String) throws {
        let directory = try RunDirectory()
        try directory.write("{\"kind\":\"train\",\"step\":1}\n\(line)\n{\"kind\":\"train\",\"step\":2}\n")
        let file = RunRecord.metrics(in: directory.url).relativePath
        #expect(throws: MetricsError.malformed(file: file, line: 2)) { try Self.run(directory) }
    }

    @Test func aMetricForEveryLineDoesNotFillTheMemory() throws {
        var history = RunHistory()
        for step in 0..<5000 { history.add(MetricsRecord(kind: "train", step: step, [("m\(step)", .number(1))])) }
        #expect(history.series.count == 1024)
    }

    @Test func aChartOfThePageIsAnImageOfItsOwn() throws {
        let directory = try RunDirectory()
        try directory.record(steps: 20)
        let (run, image) = (try Self.run(directory), directory.url.appendingPathComponent("loss.svg"))
        try ReportPage.write(chart: "loss", of: [run], to: image)
        let parsed = PageParser(try String(contentsOf: image, encoding: .utf8))
        #expect(parsed.problem == nil && parsed.elements.first?.name == "svg")
        #expect(parsed.lines.count == 4)
        #expect(throws: ReportError.noImage("x.html")) {
            try ReportPage.write(chart: "loss", of: [run], to: URL(fileURLWithPath: "x.html"))
        }
        let error = #expect(throws: ReportError.self) { try ReportPage.write(chart: "lost", of: [run], to: image) }
        #expect(error?.description.contains("there are Loss, Acceptance, Cumulative acceptance, Bits per byte") == true)
    }

    @Test func foldersThatAreNoRunsAreRefused() throws {
        let directory = try RunDirectory()
        #expect(throws: ReportError.noMetrics(directory.url.relativePath)) { try Self.run(directory) }
        let missing = directory.url.appendingPathComponent("missing")
        #expect(throws: ReportError.noRun(missing.relativePath)) { try RunRecord(missing) }
        try directory.record(steps: 1)
        let run = try Self.run(directory)
        #expect(throws: ReportError.noPage("x.jsonl")) {
            try ReportPage.write([run], to: URL(fileURLWithPath: "x.jsonl"))
        }
        #expect(throws: ReportError.self) {
            try ReportPage.write([run], to: directory.url.appendingPathComponent("no/such/folder.html"))
        }
        #expect(throws: ReportError.tooManyRuns(25, limit: 24)) {
            try RunRecord.read((0..<25).map { directory.url.path + "\($0)" })
        }
    }
}
