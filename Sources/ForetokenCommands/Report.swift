import ArgumentParser
import ForetokenReport
import Foundation

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a web page that shows one run, or several side by side.",
        discussion: """
            The page is one file that needs no network. `foretoken train` writes report.html into its run's folder as it goes.

            Example: foretoken report runs/a runs/b --out compared.html
            """)

    @Argument(help: "Run folders.", completion: .directory)
    var runs: [Path]

    @Option(help: "The page, an .html file; report.html in the run's folder if there is one run.")
    var out: Path?

    @Option(help: "Write only this chart, by its title, to --out FILE.svg.")
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
