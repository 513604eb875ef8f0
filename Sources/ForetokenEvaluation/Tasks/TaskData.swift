import ForetokenFiles
public import ForetokenText
public import Foundation

/// Writes a task's data: shards to train and validate on, the tokenizer, and the questions.
public struct TaskData: Sendable {
    /// What was written.
    public struct Report: Sendable, Equatable {
        /// Documents to train on.
        public var documents = 0
        /// Their tokens.
        public var tokens = 0
        /// Questions.
        public var questions = 0
    }

    /// Documents to validate on, at most.
    private static let mostValidation = 2000

    private let task: any SyntheticTask
    private let documents: Int
    private let seed: UInt64

    /// Data of so many documents; the seed decides the documents, and ``testSeed`` always the questions.
    public init(_ task: any SyntheticTask, documents: Int, seed: UInt64) {
        (self.task, self.documents, self.seed) = (task, documents, seed)
    }

    /// Tests are the same for every seed of the training documents.
    public static let testSeed: UInt64 = 0

    /// Writes `train.tokens`, `validation.tokens`, `tokenizer.json` and `test.jsonl` into a folder, which is made if it is not
    /// there; the questions come last, so that a folder that has them is whole.
    ///
    /// `progress` gets documents done and in all, and stops the writing by false.
    ///
    /// - Returns: nil if it was stopped; nothing is left of it then.
    /// - Throws: ``EvaluationError``, `ShardError`, `TokenizerError`.
    public func write(
        to folder: URL, tokenizer: any Tokenizer, progress: (Int, Int) -> Bool
    ) throws -> Report? {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw EvaluationError.system(file: folder.relativePath, reason: error.systemReason)
        }
        let questions = try task.test(seed: Self.testSeed)
        let validation = min(Self.mostValidation, max(1, documents / 10))
        var report = Report(documents: documents, questions: questions.count)
        var writers: [TokenShardWriter] = []
        for (name, count, isValidation) in [("validation", validation, true), ("train", documents, false)] {
            let writer = try TokenShardWriter(folder.appendingPathComponent("\(name).tokens"), tokenizer: tokenizer)
            var generator = SeededGenerator(seed: seed, for: name)
            for done in 0..<count {
                if done % 1000 == 0, !progress(isValidation ? 0 : done, documents) { return nil }
                try writer.append(tokenizer.encode(task.document(isValidation: isValidation, using: &generator)))
            }
            writers.append(writer)
            report.tokens = writer.tokenCount
        }
        _ = progress(documents, documents)
        try TokenizerFile.write(tokenizer, to: folder)
        for writer in writers { try writer.finish() }
        try TaskQuestion.write(questions, to: folder.appendingPathComponent(TaskQuestion.fileName))
        return report
    }
}
