import ForetokenFiles

/// MBPP (arXiv 2108.07732): a description and three asserts; the prompt shows other tasks with their programs first.
struct MBPPExample {
    let number: Int
    private let description: String
    private let code: String
    private let tests: [String]
    let problem: Problem

    /// The benchmark's test split; lower numbers are for prompts, higher ones for training.
    private static let testSplit = 11...510

    init(_ node: JSONNode) throws {
        number = try node["task_id"].integer()
        description = try (node["text"].ifPresent ?? node["prompt"]).string()
        code = try node["code"].string()
        tests = try node["test_list"].array().map { try $0.string() }
        let setup =
            try (node["test_setup_code"].ifPresent?.string()).map { [$0] }
            ?? node["test_imports"].ifPresent?.array().map { try $0.string() } ?? []
        problem = Problem(
            id: "MBPP/\(number)", prompt: "", stopStrings: StopStrings.mbpp,
            tests: .calls(setup: "", code: (setup + tests).joined(separator: "\n"), entryPoint: nil), reference: code)
    }

    /// Gives every problem its prompt: the examples (tasks 2, 3 and 4, as many as the file has), then its own question.
    static func complete(_ problems: inout [Problem], _ own: [Int: MBPPExample], examples: [MBPPExample]) {
        let hasTestSplit = own.values.contains { testSplit.contains($0.number) }
        for (place, example) in own {
            let shown = examples.filter { $0.number != example.number }.map { $0.question + "\($0.code)\n[DONE]\n\n" }
            problems[place].prompt = shown.joined() + example.question
            problems[place].isEvaluated = !hasTestSplit || testSplit.contains(example.number)
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
