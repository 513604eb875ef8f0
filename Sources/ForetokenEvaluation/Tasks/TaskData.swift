import ForetokenFiles
public import ForetokenText
public import Foundation

/// Writes a task's data: training and validation shards, the tokenizer, and the test questions.
public struct TaskData: Sendable {
    /// The amount of data written.
    public struct Report: Sendable, Equatable {
        /// The number of training documents.
        public var documents = 0
        /// The number of training tokens.
        public var tokens = 0
        /// The number of test questions.
        public var questions = 0
    }

    /// The maximum number of validation documents.
    private static let mostValidation = 2000

    private let task: any SyntheticTask
    private let documents: Int
    private let seed: UInt64

    /// Creates the writer. `documents`: the number of training documents; `seed`: that of the documents.
    public init(_ task: any SyntheticTask, documents: Int, seed: UInt64) {
        (self.task, self.documents, self.seed) = (task, documents, seed)
    }

    /// The seed of the test questions, which are the same for every seed of the documents.
    public static let testSeed: UInt64 = 0

    /// Writes `train.tokens`, `validation.tokens`, `tokenizer.json` and `test.jsonl` to a folder, which is created if necessary.
    /// The questions are written last, so a folder with `test.jsonl` is complete.
    ///
    /// `progress` receives the number of finished documents and their total; returning false stops writing.
    ///
    /// - Returns: nil if writing was stopped; no files are left then.
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
