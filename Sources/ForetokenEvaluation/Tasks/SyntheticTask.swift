/// A task whose texts a program makes: documents to train on, and questions whose answers are in no document.
public protocol SyntheticTask: Sendable {
    /// The task's name.
    var name: String { get }
    /// A document to train on, or one to validate on, which training never sees.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)``, where the settings leave none.
    func document(isValidation: Bool, using generator: inout SeededGenerator) throws -> String
    /// The questions; the same for the same seed.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)``, where the settings leave none.
    func test(seed: UInt64) throws -> [TaskQuestion]
}
