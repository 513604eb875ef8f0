public import ForetokenDecoding
public import ForetokenText
public import Foundation

extension TaskEvaluation {
    /// Reads the questions of a task's data folder, which ``TaskData`` wrote.
    ///
    /// - Parameters:
    ///   - folder: the folder; its tokenizer must be the model's, since another one would ask other questions.
    ///   - model: the model.
    ///   - modelDigest: tells the model from others in a results file.
    ///   - tokenizer: the model's tokenizer.
    /// - Throws: ``EvaluationError``, `TokenizerError`.
    public init(in folder: URL, model: DecodeModel, modelDigest: String, tokenizer: any Tokenizer) throws {
        let questions = try TaskQuestion.read(folder.appendingPathComponent(TaskQuestion.fileName))
        _ = try TokenizerFile.read(folder: folder, digest: tokenizer.digest, name: tokenizer.name)
        try self.init(questions, model: model, modelDigest: modelDigest, tokenizer: tokenizer)
    }
}
