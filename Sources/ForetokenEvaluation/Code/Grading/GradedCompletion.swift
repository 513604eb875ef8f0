import ForetokenFiles
public import Foundation

/// A graded completion: one line of a results file.
public struct GradedCompletion: Sendable, Equatable {
    /// The completion's index in the completions file, from 0.
    public var index: Int
    /// The task's name.
    public var task: String
    /// The sampling temperature, if known.
    public var temperature: Double?
    /// The SHA-256 of the program (`program_sha256`).
    public var programDigest: String
    /// The digest of the tests and limits (`run`); empty if the file has none.
    public var testsDigest = ""
    /// The verdict.
    public var verdict: Verdict

    /// The line as JSON.
    var value: JSONValue {
        var object = Self.header(task: task, index: index, testsDigest: testsDigest)
        object["passed"] = .bool(verdict.outcome == .passed)
        object["result"] = .string(verdict.outcome.rawValue)
        object["reason"] = .string(verdict.reason)
        object["seconds"] = .finite((verdict.seconds * 1e4).rounded() / 1e4)
        if let temperature { object["temperature"] = .finite(temperature) }
        object["program_sha256"] = .string(programDigest)
        return .object(object)
    }

    /// The keys of a line that are known before the verdict.
    static func header(task: String, index: Int, testsDigest: String) -> JSONObject {
        var object = JSONObject()
        object["task_id"] = .string(task)
        object["index"] = .integer(index)
        object["run"] = .string(testsDigest)
        return object
    }

}

extension GradedCompletion {
    /// Reads a line of a results file.
    ///
    /// - Throws: `JSONError`.
    init(_ node: JSONNode) throws {
        guard let outcome = Verdict.Outcome(rawValue: try node["result"].string()) else {
            throw try node["result"].wrongType("passed, failed or timedOut")
        }
        self.init(
            index: try node["index"].integer(in: 0...(.max)), task: try node["task_id"].string(),
            temperature: try node["temperature"].ifPresent?.double(),
            programDigest: try node["program_sha256"].string(),
            testsDigest: try node["run"].ifPresent?.string() ?? "",
            verdict: Verdict(
                outcome: outcome, reason: try node["reason"].string(),
                seconds: try node["seconds"].ifPresent?.double() ?? 0))
    }

    /// Reads a results file, uncompressed, gzip or zstd; an incomplete last line is ignored.
    ///
    /// - Throws: ``EvaluationError``.
    public static func read(_ url: URL) throws -> [GradedCompletion] {
        var graded: [GradedCompletion] = []
        try JSONLines.read(url, allowsPartialEnd: true) { node, _ in graded.append(try GradedCompletion(node)) }
        return graded
    }
}
