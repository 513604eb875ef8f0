/// What can be wrong with an evaluation's files, programs or settings.
public enum EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system would not read or write a file.
    case system(file: String, reason: String)
    /// A line of a JSONL file does not hold what it should; lines count from one.
    case badLine(file: String, line: Int, reason: String)
    /// The file holds no problem.
    case noProblems(file: String)
    /// A sample of a task that the problems do not have.
    case unknownTask(file: String, line: Int, task: String)
    /// A program that is needed is missing or does not work.
    case program(String, reason: String, remedy: String)
    /// Programs could not be graded; their results are unknown, which is not a failure of theirs.
    case graderFault(count: Int, task: String, reason: String)
    /// A setting without sense.
    case invalid(String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .system(let file, let reason): "\(file): \(reason)"
        case .badLine(let file, let line, let reason): "\(file): line \(line): \(reason)"
        case .noProblems(let file):
            "\(file): there is no problem in it; give a benchmark's JSONL file, plain, gzip or zstd"
        case .unknownTask(let file, let line, let task):
            "\(file): line \(line): the problems have no task '\(task.prefix(100))'; give the --problems it was sampled from"
        case .program(let name, let reason, let remedy): "\(name): \(reason); \(remedy)"
        case .graderFault(let count, let task, let reason):
            "\(count) program\(count == 1 ? "" : "s") could not be graded, the first for '\(task)': \(reason); "
                + "what was graded is kept, run the same command again to grade the rest"
        case .invalid(let sentence): sentence
        }
    }
}
