/// A programming task: what a model is shown, where its answer ends, and how a program is judged.
public struct Problem: Sendable, Equatable {
    /// How a program is judged.
    public enum Tests: Sendable, Equatable {
        /// Python that calls the program's functions. It runs in another process than the program: `setup` before the
        /// program's names are known, then `code`, in which they are. `entryPoint` names a function that is the
        /// program's even where `setup` defines it.
        case calls(setup: String, code: String, entryPoint: String?)
        /// Texts for standard input, and what must come out.
        case inputOutput([Example])
    }

    /// A text for standard input and what must come out.
    public struct Example: Sendable, Equatable {
        /// Standard input.
        public var input: String
        /// What standard output must hold.
        public var output: String

        /// An example.
        public init(input: String, output: String) { (self.input, self.output) = (input, output) }
    }

    /// The task's name in samples files, such as `HumanEval/0`.
    public var id: String
    /// What the model continues.
    public var prompt: String
    /// What stands before a completion in the program: the prompt where a completion goes on in the middle of a function.
    public var programPrefix: String
    /// An answer ends before the first of these.
    public var stopStrings: [String]
    /// The judgement.
    public var tests: Tests
    /// A completion that is right, if the benchmark has one.
    public var reference: String?
    /// Whether the benchmark evaluates it; other tasks are examples for prompts or for training.
    public var isEvaluated = true

    /// A problem.
    public init(
        id: String, prompt: String, programPrefix: String = "", stopStrings: [String] = [], tests: Tests,
        reference: String? = nil
    ) {
        (self.id, self.prompt, self.programPrefix) = (id, prompt, programPrefix)
        (self.stopStrings, self.tests, self.reference) = (stopStrings, tests, reference)
    }

    /// The completion up to the first stop string.
    public func truncated(_ completion: String) -> String {
        // By bytes: a line break before a combining character is one Character that no stop string would equal.
        let text = Array(completion.utf8)
        let end = stopStrings.compactMap { text.firstRange(of: Array($0.utf8))?.lowerBound }.min()
        return end.map { String(decoding: text[..<$0], as: UTF8.self) } ?? completion
    }
}
