import ForetokenFiles
public import Foundation

/// A sample's line in a results file.
public struct GradedSample: Sendable, Equatable {
    /// The sample's place in the samples file, from 0.
    public var index: Int
    /// The task.
    public var task: String
    /// The temperature, where known.
    public var temperature: Double?
    /// SHA-256 of the program.
    public var digest: String
    /// Tells the tests and limits from others; empty where the file does not say.
    public var run = ""
    /// What became of it.
    public var verdict: Verdict

    /// As JSON.
    var value: JSONValue {
        var object = Self.beginning(task: task, index: index, run: run)
        object["passed"] = .bool(verdict.outcome == .passed)
        object["result"] = .string(verdict.outcome.rawValue)
        object["reason"] = .string(verdict.reason)
        object["seconds"] = .finite((verdict.seconds * 1e4).rounded() / 1e4)
        if let temperature { object["temperature"] = .finite(temperature) }
        object["program_sha256"] = .string(digest)
        return .object(object)
    }

    /// What a line has before the verdict.
    static func beginning(task: String, index: Int, run: String) -> JSONObject {
        var object = JSONObject()
        object["task_id"] = .string(task)
        object["index"] = .integer(index)
        object["run"] = .string(run)
        return object
    }

}

extension GradedSample {
    /// A line of a results file.
    ///
    /// - Throws: `JSONError`.
    init(_ node: JSONNode) throws {
        guard let outcome = Verdict.Outcome(rawValue: try node["result"].string()) else {
            throw try node["result"].wrongType("passed, failed or timedOut")
        }
        self.init(
            index: try node["index"].integer(in: 0...(.max)), task: try node["task_id"].string(),
            temperature: try node["temperature"].ifPresent?.double(), digest: try node["program_sha256"].string(),
            run: try node["run"].ifPresent?.string() ?? "",
            verdict: Verdict(
                outcome: outcome, reason: try node["reason"].string(),
                seconds: try node["seconds"].ifPresent?.double() ?? 0))
    }

    /// Reads a results file, plain, gzip or zstd; a last line that was not finished is left out.
    ///
    /// - Throws: ``EvaluationError``.
    public static func read(_ url: URL) throws -> [GradedSample] {
        var samples: [GradedSample] = []
        try JSONLines.read(url, allowsPartialEnd: true) { node, _ in samples.append(try GradedSample(node)) }
        return samples
    }
}
