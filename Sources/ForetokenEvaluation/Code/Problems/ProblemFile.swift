import ForetokenFiles
public import Foundation

/// A benchmark's problems, read from JSONL or from one JSON array, uncompressed, gzip or zstd. The benchmark is recognised by its keys:
///
/// - HumanEval, and EvalPlus with a `test`: `task_id`, `prompt`, `entry_point`, `canonical_solution`, `test`.
/// - EvalPlus' own releases, HumanEval+ and MBPP+: `base_input`, `plus_input`, `atol` instead of `test`.
/// - MBPP: `task_id`, `text` (sanitized: `prompt`), `code`, `test_list`, `test_setup_code` or `test_imports`; where a row also
///   has a `test`, as EvalPlus' on Hugging Face, that is what programs are graded by.
/// - APPS: `problem_id`, `question`, `starter_code`, `input_output` (JSON in a string), `solutions`.
/// - CodeContests: `name`, `description`, `public_tests`, `private_tests`, `generated_tests`, each with `input` and `output`,
///   and `solutions` with `language` and `solution`: the layout of its Parquet files on Hugging Face. To convert them in Python:
///   `datasets.load_dataset("deepmind/code_contests", split="test").to_json("code_contests.jsonl")`.
public struct ProblemFile: Sendable {
    /// The problems in the file's order.
    public private(set) var problems: [Problem] = []
    let url: URL
    private var indices: [String: Int] = [:]

    /// Reads problems.
    ///
    /// - Throws: ``EvaluationError``, with file and line.
    public init(contentsOf url: URL) throws {
        self.url = url
        var examples: [MBPPExample] = []
        var mbpp: [Int: MBPPExample] = [:]
        // Python writes NaN and infinities, which JSON does not have.
        try JSONLines.readObjects(url, numbers: .python) { node, text, line in
            let problem: Problem
            let keys = try node.object()
            if keys["base_input"] != nil {
                problem = try EvalPlus.problem(node, row: text)
            } else if keys["test"] != nil, keys["entry_point"] != nil {
                problem = try HumanEval.problem(node)
            } else if keys["test_list"] != nil {
                let example = try MBPPExample(node)
                if (2...4).contains(example.number) { examples.append(example) }
                mbpp[problems.count] = example
                problem = example.problem
            } else if keys["input_output"] != nil {
                problem = try APPS.problem(node)
            } else if keys["public_tests"] != nil || keys["private_tests"] != nil {
                problem = try CodeContests.problem(node)
            } else {
                throw EvaluationError.badLine(
                    file: node.file, line: line,
                    reason: "the keys match no benchmark: \(keys.keys.prefix(12).joined(separator: ", ")); "
                        + "supported are HumanEval, MBPP, EvalPlus, APPS and CodeContests")
            }
            guard indices.updateValue(problems.count, forKey: Self.key(problem.id)) == nil else {
                throw EvaluationError.badLine(
                    file: node.file, line: line, reason: "duplicate task '\(problem.id.prefix(100))'")
            }
            problems.append(problem)
        }
        guard !problems.isEmpty else { throw EvaluationError.noProblems(file: url.relativePath) }
        MBPPExample.complete(&problems, mbpp, examples: examples.sorted { $0.number < $1.number })
    }

    /// Tasks without tests, of which a benchmark's own evaluator says nothing either: they are neither generated nor graded.
    public var withoutTests: [String] { problems.filter { !$0.hasTests }.map(\.id) }

    /// The problem with this name in a completions file; `MBPP/11`, `Mbpp/11` and `11` are equivalent.
    public subscript(id: String) -> Problem? { indices[Self.key(id)].map { problems[$0] } }

    private static func key(_ id: String) -> String {
        let key = id.lowercased()
        return key.hasPrefix("mbpp/") ? String(key.dropFirst(5)) : key
    }
}
