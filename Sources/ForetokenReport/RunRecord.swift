public import Foundation

/// The content of a run's folder that reports show.
public struct RunRecord: Sendable {
    /// The run's name in the report.
    public var name: String
    let history: RunHistory
    /// The text of `recipe.yaml`.
    let recipe: String?
    let decoding: DecodingByHeads?

    /// The maximum number of bytes of a recipe in a report.
    private static let recipeLimit = 1 << 14

    /// Reads a run's folder.
    ///
    /// - Throws: ``ReportError``, ``MetricsError``, file errors.
    public init(_ folder: URL) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw ReportError.noRun(folder.relativePath)
        }
        let metrics = Self.metrics(in: folder)
        guard FileManager.default.fileExists(atPath: metrics.path) else {
            throw ReportError.noMetrics(folder.relativePath)
        }
        self.init(folder: folder, history: try RunHistory(contentsOf: metrics))
    }

    init(folder: URL, history: RunHistory) {
        name = folder.standardizedFileURL.lastPathComponent
        self.history = history
        let file = try? FileHandle(forReadingFrom: folder.appendingPathComponent("recipe.yaml"))
        let text = file.flatMap { try? $0.read(upToCount: Self.recipeLimit + 1) }
        recipe = text.map {
            String(decoding: $0.prefix(Self.recipeLimit), as: UTF8.self) + ($0.count > Self.recipeLimit ? "\n…" : "")
        }
        decoding = DecodingByHeads(run: folder)
    }

    /// Reads several runs; runs whose folders have the same name are identified by their paths.
    ///
    /// - Throws: ``ReportError``, ``MetricsError``, file errors.
    public static func read(_ paths: [String]) throws -> [RunRecord] {
        guard paths.count <= ChartColor.categoryLimit else {
            throw ReportError.tooManyRuns(paths.count, limit: ChartColor.categoryLimit)
        }
        let folders = paths.map { URL(fileURLWithPath: $0).standardizedFileURL.resolvingSymlinksInPath().path }
        for (index, folder) in folders.enumerated() where folders[..<index].contains(folder) {
            throw ReportError.sameRun(paths[index])
        }
        var runs = try paths.map { try RunRecord(URL(fileURLWithPath: $0)) }
        let names = Dictionary(runs.map { ($0.name, 1) }, uniquingKeysWith: +)
        for index in runs.indices where names[runs[index].name] != 1 { runs[index].name = paths[index] }
        return runs
    }

    /// The path of a run's metrics.
    public static func metrics(in folder: URL) -> URL { folder.appendingPathComponent("metrics.jsonl") }

    /// The path of a run's report.
    public static func report(in folder: URL) -> URL { folder.appendingPathComponent("report.html") }
}

/// A report that cannot be created.
public enum ReportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The run folder does not exist.
    case noRun(String)
    /// The folder has no `metrics.jsonl`.
    case noMetrics(String)
    /// A run was given twice.
    case sameRun(String)
    /// More runs than distinguishable colours.
    case tooManyRuns(Int, limit: Int)
    /// The output path of a page does not end in `.html`.
    case noPage(String)
    /// The output path of a chart does not end in `.svg`.
    case noImage(String)
    /// The page has no chart of this title.
    case noChart(String, known: [String])
    /// The file cannot be written.
    case unwritable(String, reason: String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .noRun(let path): "\(path): no such run folder; `foretoken train RECIPE --out \(path)` creates one"
        case .noMetrics(let path):
            "\(path): no metrics.jsonl, so this is not a run folder of `foretoken train`; give the run's own folder"
        case .sameRun(let path): "\(path): the same run is given twice; give each run once"
        case .tooManyRuns(let count, let limit):
            "\(count) runs cannot be distinguished in a chart; give at most \(limit)"
        case .noPage(let path): "--out \(path): a report is an HTML page; use a name that ends in .html"
        case .noImage(let path): "--out \(path): a chart is an SVG image; use a name that ends in .svg"
        case .noChart(let name, let known): "--chart \(name): no such chart; there are \(known.joined(separator: ", "))"
        case .unwritable(let path, let reason):
            "\(path): cannot write the report: \(reason); give another --out or make its folder writable"
        }
    }
}
