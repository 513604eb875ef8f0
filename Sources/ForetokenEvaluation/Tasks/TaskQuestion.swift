import ForetokenFiles
public import Foundation

/// A text whose continuation is known.
public struct TaskQuestion: Sendable, Equatable {
    /// What the model reads.
    public var prompt: String
    /// What it has to go on with.
    public var answer: String
    /// Questions of one unit, such as a story, are resampled together.
    public var unit: Int
    /// Operations of an arithmetic expression.
    public var operations: Int?
    /// Whether training texts are as hard as this one.
    public var isInDomain = true

    /// The name of a folder's questions.
    public static let fileName = "test.jsonl"

    /// Reads questions, a JSON object a line with `prompt` and `answer`, and optionally `unit`, `operations`, `inDomain`.
    ///
    /// - Throws: ``EvaluationError``, naming file and line.
    public static func read(_ url: URL) throws -> [TaskQuestion] {
        var questions: [TaskQuestion] = []
        try JSONLines.read(url) { node, _ in
            let answer = try node["answer"].string()
            guard !answer.isEmpty else { throw try node["answer"].wrongType("a text that is not empty") }
            questions.append(
                TaskQuestion(
                    prompt: try node["prompt"].string(), answer: answer,
                    unit: try node["unit"].ifPresent?.integer() ?? questions.count,
                    operations: try node["operations"].ifPresent?.integer(in: 1...1_000_000),
                    isInDomain: try node["inDomain"].ifPresent?.bool() ?? true))
        }
        guard !questions.isEmpty else {
            throw EvaluationError.system(file: url.relativePath, reason: "there is no question in it")
        }
        return questions
    }

    /// Writes questions, whole or not at all.
    ///
    /// - Throws: ``EvaluationError/system(file:reason:)``.
    static func write(_ questions: [TaskQuestion], to url: URL) throws {
        do {
            let writer = try AtomicFileWriter(destination: url)
            for question in questions { try writer.append(try question.value.text() + "\n") }
            try writer.commit()
        } catch let error as FileFailure {
            throw EvaluationError.system(file: url.relativePath, reason: "cannot \(error.action) it: \(error.reason)")
        }
    }

    private var value: JSONValue {
        var object = JSONObject()
        object["prompt"] = .string(prompt)
        object["answer"] = .string(answer)
        object["unit"] = .integer(unit)
        if let operations { object["operations"] = .integer(operations) }
        object["inDomain"] = .bool(isInDomain)
        return .object(object)
    }
}
