/// An error in the files, external programs or settings of an evaluation.
public enum EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file cannot be read or written.
    case system(file: String, reason: String)
    /// A malformed line of a JSONL file; lines count from one.
    case badLine(file: String, line: Int, reason: String)
    /// The file contains no problems.
    case noProblems(file: String)
    /// A completion of a task that the problem file does not contain.
    case unknownTask(file: String, line: Int, task: String)
    /// A required external program is missing or does not work.
    case program(String, reason: String, remedy: String)
    /// Grading failed for reasons other than the program; the programs' results are unknown.
    case graderFault(count: Int, task: String, reason: String)
    /// An invalid setting.
    case invalid(String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .system(let file, let reason): "\(file): \(reason)"
        case .badLine(let file, let line, let reason): "\(file): line \(line): \(reason)"
        case .noProblems(let file):
            "\(file): no problems found; give a benchmark's JSONL file, uncompressed, gzip or zstd"
        case .unknownTask(let file, let line, let task):
            "\(file): line \(line): unknown task '\(task.prefix(100))'; give the --problems file that the completion is for"
        case .program(let name, let reason, let remedy): "\(name): \(reason); \(remedy)"
        case .graderFault(let count, let task, let reason):
            "\(count) program\(count == 1 ? "" : "s") could not be graded, the first for '\(task)': \(reason); "
                + "other results are kept, run the same command again to grade the remaining ones"
        case .invalid(let sentence): sentence
        }
    }
}
