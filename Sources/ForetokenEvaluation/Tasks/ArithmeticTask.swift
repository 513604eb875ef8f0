/// Polynomial arithmetic (arXiv 2404.19737, section 4.2; reference, section 2.8): an expression, pause tokens if wanted, an
/// equality sign, and the coefficients of the result.
///
/// Training expressions have a uniform number of operations up to ``operations``; those of tests more as well. No expression
/// is in both.
public struct ArithmeticTask: SyntheticTask {
    /// Where the coefficients live.
    public let ring: PolynomialRing
    /// The most operations in training: m ≤ this is in-domain.
    public let operations: Int
    /// The most operations in tests.
    public let mostOperations: Int
    /// Pause tokens before the equality sign, in training and tests alike.
    public let pauses: Int
    /// Test expressions for each number of operations; fewer where the ring has no more.
    public let questions: Int

    /// The task's name.
    public var name: String { "arithmetic" }

    /// A task; the paper's ring and numbers if not said otherwise.
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

    /// An expression that falls on a side; nil after so many tries that there can hardly be one.
    private func expression(
        _ operations: Int, _ side: HeldOut, _ generator: inout SeededGenerator
    ) -> PolynomialExpression? {
        for _ in 0..<2000 {
            let found = PolynomialExpression.random(operations: operations, in: ring, using: &generator)
            if HeldOut(found.text) == side { return found }
        }
        return nil
    }

    /// An expression with its result.
    public func document(isValidation: Bool, using generator: inout SeededGenerator) throws -> String {
        let count = 1 + generator.below(operations)
        guard let expression = expression(count, isValidation ? .validation : .training, &generator) else {
            throw EvaluationError.invalid(
                "the ring has too few expressions of \(count) operations to hold some back; give a larger --modulus, "
                    + "--degree or --operations")
        }
        let (prompt, answer) = split(expression)
        return prompt + answer
    }

    /// Different held-out expressions, by rising number of operations.
    public func test(seed: UInt64) throws -> [TaskQuestion] {
        var generator = SeededGenerator(seed: seed, for: "test")
        var all: [TaskQuestion] = []
        for count in 1...mostOperations {
            var seen: Set<String> = []
            var misses = 0
            // In a small ring the same ones come again and again: 20 misses for each found are the end.
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
                    "the ring has too few expressions of \(count) operations to test with; give a larger --modulus or "
                        + "--degree")
            }
        }
        return all
    }
}
