/// Polynomial arithmetic (arXiv 2404.19737, section 4.2): an expression, optional pause tokens, an equals sign, and the
/// coefficients of the result.
///
/// The number of operations of training expressions is uniform from 1 to ``operations``; test expressions have up to
/// ``mostOperations``. Training and test expressions are disjoint.
public struct ArithmeticTask: SyntheticTask {
    /// The ring of the expressions.
    public let ring: PolynomialRing
    /// The maximum number of operations in training; up to this a question is in-domain.
    public let operations: Int
    /// The maximum number of operations in tests.
    public let mostOperations: Int
    /// The number of pause tokens before the equals sign, in training and tests.
    public let pauses: Int
    /// Test expressions per number of operations; fewer if the ring does not have that many.
    public let questions: Int

    /// The task's name.
    public var name: String { "arithmetic" }

    /// Creates a task; the defaults are the paper's.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)``.
    public init(
        ring: PolynomialRing, operations: Int = 5, mostOperations: Int = 10, pauses: Int = 0, questions: Int = 2000
    ) throws {
        func need(_ value: Int, _ option: String, _ bounds: ClosedRange<Int>) throws {
            guard bounds.contains(value) else {
                throw EvaluationError.invalid(
                    "\(option) \(value): must be \(bounds.lowerBound) to \(bounds.upperBound)")
            }
        }
        try need(operations, "--operations", 1...64)
        try need(mostOperations, "--test-operations", operations...64)
        try need(pauses, "--pauses", 0...1000)
        try need(questions, "--questions", 1...1_000_000)
        (self.ring, self.operations, self.mostOperations) = (ring, operations, mostOperations)
        (self.pauses, self.questions) = (pauses, questions)
    }

    private func split(_ expression: PolynomialExpression) -> (prompt: String, answer: String) {
        (
            expression.text + String(repeating: ".", count: pauses) + "=",
            PolynomialExpression.digits(expression.value(in: ring))
        )
    }

    /// A random expression of a split; nil if 2000 attempts find none.
    private func expression(
        _ operations: Int, _ split: ContentSplit, _ generator: inout SeededGenerator
    ) -> PolynomialExpression? {
        for _ in 0..<2000 {
            let found = PolynomialExpression.random(operations: operations, in: ring, using: &generator)
            if ContentSplit(found.text) == split { return found }
        }
        return nil
    }

    /// A random expression with its result.
    public func document(isValidation: Bool, using generator: inout SeededGenerator) throws -> String {
        let count = 1 + generator.below(operations)
        guard let expression = expression(count, isValidation ? .validation : .training, &generator) else {
            throw EvaluationError.invalid(
                "the ring has too few expressions of \(count) operations for disjoint training and test sets; give a larger "
                    + "--modulus, --degree or --operations")
        }
        let (prompt, answer) = split(expression)
        return prompt + answer
    }

    /// Distinct held-out expressions, in ascending number of operations.
    public func test(seed: UInt64) throws -> [TaskQuestion] {
        var generator = SeededGenerator(seed: seed, for: "test")
        var all: [TaskQuestion] = []
        for count in 1...mostOperations {
            var seen: Set<String> = []
            var misses = 0
            // A small ring may have fewer expressions; stop after about 20 duplicates per expression found.
            while seen.count < questions, misses < 200 + 20 * seen.count {
                guard let expression = expression(count, .test, &generator) else { break }
                let (prompt, answer) = split(expression)
                guard seen.insert(prompt).inserted else {
                    misses += 1
                    continue
                }
                all.append(
                    TaskQuestion(
                        prompt: prompt, answer: answer, unit: all.count, operations: count,
                        isInDomain: count <= operations))
            }
            guard !seen.isEmpty else {
                throw EvaluationError.invalid(
                    "the ring has too few expressions of \(count) operations for a test; give a larger --modulus or "
                        + "--degree")
            }
        }
        return all
    }
}
