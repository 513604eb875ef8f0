public import Foundation

/// The report of one run, or a comparison of several: one self-contained HTML file, under 1 MB whatever the runs' length.
///
/// The page is valid both as HTML and as XML.
public enum ReportPage {
    /// The page's text.
    public static func html(_ runs: [RunRecord]) -> String {
        let title = runs.map(\.name).joined(separator: ", ")
        let shown = runs.contains { $0.history.count > 0 }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <title>\(Markup.escaped(Markup.shortened(title, to: 120)))</title>
            <style>\(style)\(LineChart.style)</style></head><body><main>
            <h1>\(Markup.escaped(Markup.shortened(title, to: 400)))</h1>
            \(runs.count == 1 ? headline(runs[0]) : "")
            \(shown ? "" : "<p>No metrics yet: the first record is written after <code>training.logEvery</code> steps.</p>")
            \(shown ? runs.count == 1 ? summary(runs[0]) : summary(runs) : "")
            <div class="charts">
            \(figures(runs).map(\.figure).joined())</div>
            \(recipes(runs))
            </main><script>\(script)</script></body></html>

            """
    }

    /// Writes the page atomically.
    ///
    /// - Throws: ``ReportError``.
    public static func write(_ runs: [RunRecord], to url: URL) throws {
        guard ["html", "htm"].contains(url.pathExtension.lowercased()) else {
            throw ReportError.noPage(url.relativePath)
        }
        try write(html(runs), to: url)
    }

    /// Writes one of the page's charts as an SVG file.
    ///
    /// - Throws: ``ReportError``.
    public static func write(chart title: String, of runs: [RunRecord], to url: URL) throws {
        guard url.pathExtension.lowercased() == "svg" else { throw ReportError.noImage(url.relativePath) }
        let charts = figures(runs)
        guard let chart = charts.first(where: { $0.title.lowercased() == title.lowercased() }) else {
            throw ReportError.noChart(title, known: charts.map(\.title))
        }
        try write(chart.file, to: url)
    }

    private static func write(_ text: String, to url: URL) throws {
        do {
            try Data(text.utf8).write(to: url, options: .atomic)
        } catch {
            throw ReportError.unwritable(url.relativePath, reason: (error as NSError).localizedDescription)
        }
    }

    private static func headline(_ run: RunRecord) -> String {
        let history = run.history
        let facts = [
            history.count > 0 ? "step \(history.lastStep)" : nil,
            history.last("tokensPerSecond", kind: "train").map { ChartUnit.count.text($0) + " tokens/s" },
            history.last("peakBytes", kind: "train").map { "peak memory " + ChartUnit.bytes.text($0) },
            history.last("bitsPerByte", kind: "validation", head: 1).map {
                ChartUnit.number.text($0) + " bits per byte"
            },
        ].compactMap { $0 }
        return facts.isEmpty ? "" : "<p class=\"facts\">\(Markup.escaped(facts.joined(separator: " · ")))</p>"
    }

    /// The latest values of a run, one row per head.
    private static func summary(_ run: RunRecord) -> String {
        let columns: [(String, String, String, ChartUnit)] = [
            ("training loss", "loss", "train", .number), ("validation loss", "loss", "validation", .number),
            ("bits/byte", "bitsPerByte", "validation", .number),
            ("acceptance", "acceptance", "validation", .percent),
            ("cumulative acceptance", "cumulativeAcceptance", "validation", .percent),
        ]
        let heads = min(run.history.heads, 64)
        guard heads > 0 else { return "" }
        return table(
            ["head"] + columns.map(\.0),
            (1...heads).map { head in
                ["\(head)"] + columns.map { cell(run.history.last($0.1, kind: $0.2, head: head), $0.3) }
            })
    }

    /// The latest values of several runs, one row per run.
    private static func summary(_ runs: [RunRecord]) -> String {
        table(
            [
                "run", "step", "training loss", "validation loss", "bits/byte", "acceptance per head", "tokens/s",
                "peak memory", "speed-up",
            ],
            runs.map { run in
                let history = run.history
                let acceptance = history.series("acceptance", kind: "validation").prefix(16)
                    .map { cell($0.series.last?.y, .percent) }
                return [
                    run.name, "\(history.lastStep)", cell(history.last("loss", kind: "train", head: 1), .number),
                    cell(history.last("loss", kind: "validation", head: 1), .number),
                    cell(history.last("bitsPerByte", kind: "validation", head: 1), .number),
                    acceptance.isEmpty ? "–" : acceptance.joined(separator: " "),
                    cell(history.last("tokensPerSecond", kind: "train"), .count),
                    cell(history.last("peakBytes", kind: "train"), .bytes),
                    cell(run.decoding?.rows.map(\.speedUp).max(), .ratio),
                ]
            }) + "<p class=\"facts\">Losses (nats/token) and bits/byte are those of head 1, the next-token head.</p>"
    }

    private static func cell(_ value: Double?, _ unit: ChartUnit) -> String {
        value.map(unit.label) ?? "–"
    }

    private static func table(_ header: [String], _ rows: [[String]]) -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\(Markup.escaped($0))</\(tag)>" }.joined() + "</tr>\n"
        }
        return "<div class=\"scroll\"><table>\n\(row(header, "th"))\(rows.map { row($0, "td") }.joined())</table></div>"
    }

    /// The recipes; with several runs, lines that differ between them are highlighted.
    private static func recipes(_ runs: [RunRecord]) -> String {
        let recipes = runs.map { run in run.recipe.map(keyedLines) ?? [] }
        let sets = recipes.map { Set($0.map(\.key)) }
        let common = sets.dropFirst().reduce(sets.first ?? []) { $0.intersection($1) }
        let blocks = zip(runs, recipes).filter { !$0.1.isEmpty }.map { run, lines in
            let text = lines.map { line in
                let escaped = Markup.escaped(line.text)
                return common.contains(line.key) || line.text.hasSuffix(":") ? escaped : "<mark>\(escaped)</mark>"
            }.joined(separator: "\n")
            return
                "<figure>\(runs.count > 1 ? "<figcaption>\(Markup.escaped(run.name))</figcaption>" : "")<pre>\(text)</pre></figure>\n"
        }
        return blocks.isEmpty ? "" : "<h2>Recipe</h2><div class=\"charts\">\(blocks.joined())</div>"
    }

    /// The lines of a recipe, keyed by section and text, so that equal lines of different sections do not match.
    private static func keyedLines(_ text: String) -> [(key: String, text: String)] {
        var section = ""
        return text.split(separator: "\n").map { line in
            if line.first != " " { section = String(line) }
            return (section + "\n" + line, String(line))
        }
    }
}
