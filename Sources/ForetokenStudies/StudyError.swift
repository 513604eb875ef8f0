import ForetokenTraining

/// An error in a study file or in running a study.
public enum StudyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An invalid value in the study file.
    case impossible(place: String, key: String, reason: String)
    /// A run whose recipe is invalid or whose inputs are missing.
    case run(file: String, name: String, reason: String)
    /// Another study is using the folder.
    case inUse(folder: String, process: String)
    /// The folder contains runs whose recipes the study file has changed since, each with the changed keys.
    case changed(folder: String, runs: [(name: String, what: String)])
    /// A file operation failed.
    case system(path: String, action: String, reason: String)
    /// A results file that Foretoken did not write.
    case foreignResult(file: String, reason: String)
    /// Runs that failed, with the reasons.
    case failed([(name: String, reason: String)], of: Int)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .impossible(let place, let key, let reason): return "\(place): \(key): \(reason)"
        case .run(let file, let name, let reason): return "\(file): run '\(name)': \(reason)"
        case .inUse(let folder, let process):
            return "\(folder): in use by process \(process); wait for it, stop it, or name another --out"
        case .changed(let folder, let runs):
            let names = runs.map { "\($0.name) (\($0.what))" }.joined(separator: ", ")
            return
                "\(folder): the study file has changed for existing runs: \(names); restore the old values, "
                + "remove \(folder)/runs/NAME and \(folder)/results/NAME.json to train them again, or name another --out"
        case .system(let path, let action, let reason): return "\(path): cannot \(action): \(reason)"
        case .foreignResult(let file, let reason):
            return "\(file): \(reason); remove the file to measure the run again"
        case .failed(let runs, let count):
            let list = runs.map { "\($0.name): \($0.reason)" }.joined(separator: "\n  ")
            return
                "\(runs.count) of \(count) runs failed, the others are done; repeat the command to retry:\n  \(list)"
        }
    }

    /// Whether the sentences are equal.
    public static func == (a: StudyError, b: StudyError) -> Bool { a.description == b.description }
}
