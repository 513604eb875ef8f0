import Foundation

@testable import ForetokenReport

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// A temporary run folder.
final class RunDirectory {
    let url: URL

    init(_ name: String = "run") throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString)/\(name)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }

    func write(_ text: String, to name: String = "metrics.jsonl") throws {
        try Data(text.utf8).write(to: url.appendingPathComponent(name))
    }

    /// Records with `heads` heads, and a validation every `validationEvery` steps.
    func record(steps: Int, heads: Int = 2, validationEvery: Int = 5, spike: Int? = nil) throws {
        var text = ""
        for step in 1...max(1, steps) {
            let losses = (0..<heads).map {
                "\(step == spike ? 1e6 : 2.0 + Double($0) + 3 / Double(step) + 0.01 * Double(step % 7))"
            }
            text += """
                {"kind":"train","step":\(step),"loss":[\(losses.joined(separator: ","))],"learningRate":0.003,\
                "gradientNorm":0.5,"tokensPerSecond":1000.5,"peakBytes":123456789}

                """
            if step % validationEvery == 0 {
                let shares = (0..<heads).map { "\(0.5 + 0.01 * Double($0))" }.joined(separator: ",")
                text += """
                    {"kind":"validation","step":\(step),"loss":[\(losses.joined(separator: ","))],"bitsPerByte":[\(shares)],\
                    "acceptance":[\(shares)],"cumulativeAcceptance":[\(shares)]}

                    """
            }
        }
        try write(text)
    }
}

/// An element of a parsed page.
struct Element {
    let name: String
    let attributes: [String: String]
    /// The names of the enclosing elements, outermost first.
    let path: [String]
}

/// Parses a page as XML and lists its elements.
final class PageParser: NSObject, XMLParserDelegate {
    private(set) var elements: [Element] = []
    private(set) var text = ""
    private var open: [String] = []
    private(set) var problem: String?

    init(_ page: String) {
        super.init()
        let parser = XMLParser(data: Data(page.utf8))
        parser.delegate = self
        if !parser.parse() {
            problem = "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "unknown")"
        }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append(Element(name: name, attributes: attributes, path: open))
        open.append(name)
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        open.removeLast()
    }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }

    /// The lines of all charts: name and path.
    var lines: [(name: String, path: String)] {
        elements.compactMap { element in
            element.attributes["data-s"].map { ($0, element.attributes["d"] ?? "") }
        }
    }
}

/// The points of a path of M and L.
func points(of path: String) -> [(x: Double, y: Double)] {
    path.split(whereSeparator: { $0 == "M" || $0 == "L" }).map { pair in
        let numbers = pair.split(separator: " ").map { Double($0) ?? .nan }
        return (numbers[0], numbers[1])
    }
}
