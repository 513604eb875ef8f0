import ArgumentParser
import ForetokenReport
import Foundation

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a web page that shows one run, or compares several.",
        discussion: """
            The page is one file that needs no network. `foretoken train` keeps report.html in its run's folder up to date.

            Example: foretoken report runs/a runs/b --out compared.html
            """)

    @Argument(help: "The run folders to show.", completion: .directory)
    var runs: [Path]

    @Option(help: "The .html file to write; report.html in the run's folder if omitted, which takes a single run.")
    var out: Path?

    @Option(help: "Write only the chart with this title, to --out FILE.svg; the whole page if omitted.")
    var chart: String?

    func validate() throws {
        if chart != nil, out == nil { throw ValidationError("--chart needs --out FILE.svg") }
        if runs.count > 1, out == nil { throw ValidationError("several runs need --out FILE.html") }
    }

    func run() throws {
        let page = out?.url ?? RunRecord.report(in: runs[0].url)
        let records = try RunRecord.read(runs.map(\.text))
        if let chart {
            try ReportPage.write(chart: chart, of: records, to: page)
        } else {
            try ReportPage.write(records, to: page)
        }
        print(page.relativePath)
    }
}
