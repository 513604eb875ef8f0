import ForetokenTraining

/// What can be wrong with a study.
public enum StudyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A value that makes no study.
    case impossible(place: String, key: String, reason: String)
    /// A run whose recipe makes no training run.
    case run(file: String, name: String, reason: String)
    /// Another study works in the folder.
    case inUse(folder: String, process: String)
    /// Runs in the folder that the study's file would make otherwise now.
    case changed(folder: String, runs: [(name: String, what: String)])
    /// A file operation failed.
    case system(path: String, action: String, reason: String)
    /// A file of results that this program did not write.
    case foreignResult(file: String, reason: String)
    /// Runs that failed, each with why.
    case failed([(name: String, reason: String)], of: Int)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .impossible(let place, let key, let reason): return "\(place): \(key): \(reason)"
        case .run(let file, let name, let reason): return "\(file): run '\(name)': \(reason)"
        case .inUse(let folder, let process):
            return "\(folder): in use by process \(process); wait for it, stop it, or name another --out"
        case .changed(let folder, let runs):
            let names = runs.map { "\($0.name) (\($0.what))" }.joined(separator: ", ")
            return
                "\(folder): the study is another now for runs that are there: \(names); give them their old values, or "
                + "have them trained anew by removing \(folder)/runs/NAME and \(folder)/results/NAME.json, or name another --out"
        case .system(let path, let action, let reason): return "\(path): cannot \(action): \(reason)"
        case .foreignResult(let file, let reason):
            return "\(file): \(reason); remove the file, and the run is measured again"
        case .failed(let runs, let count):
            let list = runs.map { "\($0.name): \($0.reason)" }.joined(separator: "\n  ")
            return
                "\(runs.count) of \(count) runs failed, the others are done; the same command tries again:\n  \(list)"
        }
    }

    /// Equal sentences.
    public static func == (a: StudyError, b: StudyError) -> Bool { a.description == b.description }
}
