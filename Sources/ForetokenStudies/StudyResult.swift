import ForetokenFiles
import ForetokenTraining
import Foundation

/// The results of one run: `results/NAME.json`, replaced atomically after each stage.
struct StudyResult: Sendable {
    /// The results of the training stage.
    struct Training: Sendable, Equatable {
        var parameters: Int
        var steps: Int
        var tokens: Int
        /// The median over the run's metrics records.
        var tokensPerSecond: Double?
        var peakBytes: Int?
    }

    /// The output of a measurement, with the digest of its definition.
    struct Answer: Sendable {
        var digest: String
        var value: JSONValue
    }

    let name: String
    var digest: String
    var training: Training?
    var answers: [String: Answer] = [:]

    init(name: String, digest: String) { (self.name, self.digest) = (name, digest) }

    /// Reads a file; nil if it does not exist.
    ///
    /// - Throws: ``StudyError/foreignResult(file:reason:)``.
    init?(contentsOf url: URL, name: String) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do {
            let node = try JSONNode(contentsOf: url)
            guard try node["formatVersion"].integer() == 1 else {
                throw StudyError.foreignResult(file: url.relativePath, reason: "unknown formatVersion")
            }
            self.init(name: name, digest: try node["digest"].string())
            if let found = try node["training"].ifPresent {
                training = Training(
                    parameters: try found["parameters"].integer(), steps: try found["steps"].integer(),
                    tokens: try found["tokens"].integer(),
                    tokensPerSecond: try found["tokensPerSecond"].ifPresent?.double(),
                    peakBytes: try found["peakBytes"].ifPresent?.integer())
            }
            for (key, _) in try node["measurements"].object() {
                let one = try node["measurements"][key]
                answers[key] = Answer(
                    digest: try one["digest"].string(), value: .object(try one["answer"].object()))
            }
        } catch let error as JSONError {
            throw StudyError.foreignResult(file: url.relativePath, reason: "\(error)")
        }
    }

    /// Replaces the file atomically.
    ///
    /// - Throws: `JSONError`.
    func write(to url: URL) throws {
        var object = JSONObject()
        object["formatVersion"] = 1
        object["run"] = .string(name)
        object["digest"] = .string(digest)
        object["training"] = training.map { .object($0.json) } ?? .null
        var measured = JSONObject()
        for (key, answer) in answers.sorted(by: { $0.key < $1.key }) {
            measured[key] = ["digest": .string(answer.digest), "answer": answer.value]
        }
        object["measurements"] = .object(measured)
        try JSONValue.object(object).write(to: url)
    }

    /// All values by the names of metrics.
    func values(_ measurements: [StudyMeasurement]) -> [String: Double] {
        var values: [String: Double] = [:]
        if let training {
            values["parameters"] = Double(training.parameters)
            values["tokens"] = Double(training.tokens)
            values["tokensPerSecond"] = training.tokensPerSecond
            values["peakBytes"] = training.peakBytes.map(Double.init)
        }
        for one in measurements {
            guard let answer = answers[one.name] else { continue }
            values.merge(one.values(of: answer.value), uniquingKeysWith: { $1 })
        }
        return values
    }
}

extension StudyResult.Training {
    fileprivate var json: JSONObject {
        var object = JSONObject()
        object["parameters"] = .integer(parameters)
        object["steps"] = .integer(steps)
        object["tokens"] = .integer(tokens)
        object["tokensPerSecond"] = tokensPerSecond.map(JSONValue.finite) ?? .null
        object["peakBytes"] = peakBytes.map { .integer($0) } ?? .null
        return object
    }
}
