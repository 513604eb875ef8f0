import ForetokenFiles

/// MBPP (arXiv 2108.07732): a description and three asserts. The prompt is few-shot.
struct MBPPExample {
    let number: Int
    private let description: String
    private let code: String
    private let tests: [String]
    let problem: Problem

    /// The benchmark's test split; lower task numbers are for few-shot prompts, higher ones for training.
    private static let testSplit = 11...510

    init(_ node: JSONNode) throws {
        number = try node["task_id"].integer()
        description = try (node["text"].ifPresent ?? node["prompt"]).string()
        code = try node["code"].string()
        tests = try node["test_list"].array().map { try $0.string() }
        // After the program, whose classes it may use.
        let setup = try node["test_setup_code"].ifPresent?.string() ?? ""
        let imports = try node["test_imports"].ifPresent?.array().map { try $0.string() } ?? []
        // A whole oracle, of which the list has only what the prompt shows.
        let oracle = try node["test"].ifPresent.map { [try $0.string()] } ?? tests
        let lines = (setup.isEmpty ? [] : [setup]) + imports + oracle
        problem = Problem(
            id: "MBPP/\(number)", prompt: "", stopStrings: StopStrings.mbpp,
            tests: .calls(setup: "", code: lines.joined(separator: "\n"), entryPoint: nil), reference: code)
    }

    /// Sets the prompts of the problems at the given indices: the solved examples (tasks 2, 3 and 4 as far as the file has them),
    /// then the question.
    static func complete(_ problems: inout [Problem], _ byIndex: [Int: MBPPExample], examples: [MBPPExample]) {
        let hasTestSplit = byIndex.values.contains { testSplit.contains($0.number) }
        for (index, example) in byIndex {
            let shown = examples.filter { $0.number != example.number }.map { $0.question + "\($0.code)\n[DONE]\n\n" }
            problems[index].prompt = shown.joined() + example.question
            problems[index].isEvaluated = !hasTestSplit || testSplit.contains(example.number)
        }
    }

    private var question: String {
        """
        You are an expert Python programmer, and here is your task: \(description) Your code should pass these tests:

        \(tests.joined(separator: "\n"))
        [BEGIN]

        """
    }
}
