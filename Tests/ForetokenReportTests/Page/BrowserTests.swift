import Foundation
import Testing

@testable import ForetokenReport

/// Tests of a page in a browser, if one is installed (Debian: `apt-get install chromium`).
@Suite struct BrowserTests {
    private static let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    private func dom(_ page: URL) throws -> String {
        let browser = try #require(Self.browser)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: browser)
        process.arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(page.path).profile", "--dump-dom",
            page.absoluteString,
        ]
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// The tooltip, computed from pixel coordinates, shows the values of the record at the pointer.
    @Test(.enabled(if: browser != nil, "needs chromium or google-chrome")) func pointingAtAStepShowsItsValues() throws {
        let directory = try RunDirectory()
        try directory.record(steps: 20, heads: 2, validationEvery: 10)
        let page = directory.url.appendingPathComponent("page.html")
        let probe = """
            <script>
            addEventListener('error', function (e) { document.title = 'error ' + e.message; });
            var svg = document.querySelector('svg.chart'), box = svg.getBoundingClientRect();
            var x = svg.dataset.x.split(' ').map(Number);
            var at = x[2] + (10 - x[0]) / (x[1] - x[0]) * (x[3] - x[2]);
            svg.dispatchEvent(new PointerEvent('pointermove',
              { clientX: box.left + at * box.width / svg.viewBox.baseVal.width, clientY: box.top + 50 }));
            </script></body>
            """
        let html = ReportPage.html([try RunRecord(directory.url)])
            .replacingOccurrences(of: "</body>", with: probe)
        try Data(html.utf8).write(to: page)
        let dom = try dom(page)
        #expect(!dom.contains("<title>error"))
        let tip = try #require(dom.range(of: "<div id=\"tip\"")).lowerBound
        // Step 10 of Support's run: 2 + head + 3 / 10 + 0.01 × (10 % 7).
        for words in ["step 10<", "head 1 2.33<", "head 2 3.33<", "training head 2 3.33<"] {
            #expect(dom[tip...].contains(words), "\(words) in \(dom[tip...].prefix(900))")
        }
    }
}
