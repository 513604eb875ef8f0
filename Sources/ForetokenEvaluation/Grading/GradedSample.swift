public import Foundation
import Torch

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
    /// What became of it.
    public var verdict: Verdict

    /// As JSON.
    var value: JSONValue {
        var object = JSONObject()
        object["task_id"] = .string(task)
        object["index"] = .integer(index)
        object["passed"] = .bool(verdict.outcome == .passed)
        object["result"] = .string(verdict.outcome.rawValue)
        object["reason"] = .string(verdict.reason)
        object["seconds"] = .finite((verdict.seconds * 1e4).rounded() / 1e4)
        if let temperature { object["temperature"] = .finite(temperature) }
        object["program_sha256"] = .string(digest)
        return .object(object)
    }

    /// Reads a results file; a last line that was not finished is left out.
    ///
    /// - Returns: the samples, and the bytes up to the end of the last.
    /// - Throws: ``EvaluationError``.
    public static func read(_ url: URL) throws -> (samples: [GradedSample], bytes: Int) {
        var samples: [GradedSample] = []
        let bytes = try JSONLines.read(url, allowsPartialEnd: true) { node, line in
            let result = try node["result"].string()
            guard let outcome = Verdict.Outcome(rawValue: result) else {
                throw try node["result"].wrongType("passed, failed or timedOut")
            }
            samples.append(
                GradedSample(
                    index: try node["index"].integer(in: 0...(.max)), task: try node["task_id"].string(),
                    temperature: try node["temperature"].ifPresent?.double(),
                    digest: try node["program_sha256"].string(),
                    verdict: Verdict(
                        outcome: outcome, reason: try node["reason"].string(),
                        seconds: try node["seconds"].ifPresent?.double() ?? 0)))
        }
        return (samples, bytes)
    }
}
