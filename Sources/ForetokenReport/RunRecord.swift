public import Foundation

/// What a run's folder says about it.
public struct RunRecord: Sendable {
    /// What the report calls it.
    public var name: String
    let history: RunHistory
    /// `recipe.yaml` as it is.
    let recipe: String?
    let decoding: DecodingByHeads?

    /// A recipe longer than this is cut off in a report.
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

    /// Reads several runs; those whose folders have the same name are called by their paths.
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

    /// A run's metrics.
    public static func metrics(in folder: URL) -> URL { folder.appendingPathComponent("metrics.jsonl") }

    /// A run's report.
    public static func report(in folder: URL) -> URL { folder.appendingPathComponent("report.html") }
}

/// Why there is no report.
public enum ReportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No folder is there.
    case noRun(String)
    /// The folder holds no metrics.
    case noMetrics(String)
    /// A run was named twice.
    case sameRun(String)
    /// More than there are colours for.
    case tooManyRuns(Int, limit: Int)
    /// The page's place does not end in `.html`.
    case noPage(String)
    /// The image's place does not end in `.svg`.
    case noImage(String)
    /// The page has no such chart.
    case noChart(String, known: [String])
    /// The page cannot be written.
    case unwritable(String, reason: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .noRun(let path): "\(path): no such run folder; `foretoken train RECIPE --out \(path)` makes one"
        case .noMetrics(let path):
            "\(path): holds no metrics.jsonl, so it is no run that `foretoken train` made; name the run's own folder"
        case .sameRun(let path): "\(path): the same run is named twice; name each run once"
        case .tooManyRuns(let count, let limit): "\(count) runs are more than can be told apart; name at most \(limit)"
        case .noPage(let path): "--out \(path): a report is a web page; end its name in .html"
        case .noImage(let path): "--out \(path): a chart is an image; end its name in .svg"
        case .noChart(let name, let known): "--chart \(name): no such chart; there are \(known.joined(separator: ", "))"
        case .unwritable(let path, let reason):
            "\(path): cannot write the report: \(reason); give another --out or make its folder writable"
        }
    }
}
