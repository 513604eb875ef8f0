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

    @Argument(help: "Run folders.")
    var runs: [String]

    @Option(help: "The page, an .html file; report.html in the run's folder if there is one run.")
    var out: String?

    func validate() throws {
        if runs.count > 1, out == nil { throw ValidationError("several runs need --out FILE.html") }
    }

    func run() throws {
        let page = out.map { URL(fileURLWithPath: $0) } ?? RunRecord.report(in: URL(fileURLWithPath: runs[0]))
        try ReportPage.write(try RunRecord.read(runs), to: page)
        print(page.relativePath)
    }
}
