/// A programming problem: the prompt, the stop strings, and the tests.
public struct Problem: Sendable, Equatable {
    /// The tests of a program.
    public enum Tests: Sendable, Equatable {
        /// Python that calls the program's functions from another process: first `setup`, which does not see the program's names,
        /// then `code`, which does. `entryPoint` names a function that is taken from the program even if `setup` defines it, too.
        case calls(setup: String, code: String, entryPoint: String?)
        /// EvalPlus' inputs, on which the program's outputs are compared with the reference solution's. `row` is the problem's line
        /// in the benchmark's file: JSON that only Python reads exactly.
        case reference(row: String)
        /// Inputs for standard input with the expected standard output, and how outputs are compared; empty if the benchmark
        /// has no tests for the problem.
        case inputOutput([Example], OutputComparison = .words)
    }

    /// An input with its expected output.
    public struct Example: Sendable, Equatable {
        /// Standard input.
        public var input: String
        /// The expected standard output.
        public var output: String

        /// Creates an example.
        public init(input: String, output: String) { (self.input, self.output) = (input, output) }
    }

    /// The task's name, such as `HumanEval/0`.
    public var id: String
    /// The prompt that the model completes.
    public var prompt: String
    /// The part of the program before the completion; equals the prompt if completions continue a function.
    public var programPrefix: String
    /// A completion ends before the first occurrence of one of these.
    public var stopStrings: [String]
    /// The tests.
    public var tests: Tests
    /// A correct completion, if the benchmark has one.
    public var reference: String?
    /// Whether the benchmark evaluates this problem; others are few-shot examples or training data.
    public var isEvaluated = true

    /// Creates a problem.
    public init(
        id: String, prompt: String, programPrefix: String = "", stopStrings: [String] = [], tests: Tests,
        reference: String? = nil
    ) {
        (self.id, self.prompt, self.programPrefix) = (id, prompt, programPrefix)
        (self.stopStrings, self.tests, self.reference) = (stopStrings, tests, reference)
    }

    /// Whether there is anything to grade a program by.
    public var hasTests: Bool {
        if case .inputOutput(let examples, _) = tests { return !examples.isEmpty }
        return true
    }

    /// The completion up to the first stop string.
    public func truncated(_ completion: String) -> String {
        // Compared as bytes: a newline followed by a combining character is a single Character and would match no stop string.
        let text = Array(completion.utf8)
        let end = stopStrings.compactMap { text.firstRange(of: Array($0.utf8))?.lowerBound }.min()
        return end.map { String(decoding: text[..<$0], as: UTF8.self) } ?? completion
    }
}
