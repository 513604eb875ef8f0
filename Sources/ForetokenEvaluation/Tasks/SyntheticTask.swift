/// A task with generated data: documents for training and validation, and test questions that are not among them.
public protocol SyntheticTask: Sendable {
    /// The task's name.
    var name: String { get }
    /// A random document for training or, with `isValidation`, for validation.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)`` if the task's settings allow none.
    func document(isValidation: Bool, using generator: inout SeededGenerator) throws -> String
    /// The test questions; deterministic for a seed.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)`` if the task's settings allow none.
    func test(seed: UInt64) throws -> [TaskQuestion]
}
