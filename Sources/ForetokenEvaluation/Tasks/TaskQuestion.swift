import ForetokenFiles
public import Foundation

/// A test question with a known answer.
public struct TaskQuestion: Sendable, Equatable {
    /// The prompt.
    public var prompt: String
    /// The expected continuation.
    public var answer: String
    /// The unit, such as a story, to which the question belongs; the bootstrap resamples whole units.
    public var unit: Int
    /// The number of operations of an arithmetic expression.
    public var operations: Int?
    /// Whether the question has the difficulty of training texts.
    public var isInDomain = true

    /// The file name of the questions in a data folder.
    public static let fileName = "test.jsonl"

    /// Reads questions: one JSON object per line with `prompt` and `answer`, and optionally `unit`, `operations`, `inDomain`.
    ///
    /// - Throws: ``EvaluationError``, with file and line.
    public static func read(_ url: URL) throws -> [TaskQuestion] {
        var questions: [TaskQuestion] = []
        try JSONLines.read(url) { node, _ in
            let answer = try node["answer"].string()
            guard !answer.isEmpty else { throw try node["answer"].wrongType("a non-empty string") }
            questions.append(
                TaskQuestion(
                    prompt: try node["prompt"].string(), answer: answer,
                    unit: try node["unit"].ifPresent?.integer() ?? questions.count,
                    operations: try node["operations"].ifPresent?.integer(in: 1...1_000_000),
                    isInDomain: try node["inDomain"].ifPresent?.bool() ?? true))
        }
        guard !questions.isEmpty else {
            throw EvaluationError.system(file: url.relativePath, reason: "no questions found")
        }
        return questions
    }

    /// Writes questions atomically.
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
