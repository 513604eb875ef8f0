import ForetokenFiles
import ForetokenTraining
import Foundation

/// A measurement made after a run: a call of `foretoken evaluate … --json`, whose output is stored.
struct StudyMeasurement: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// Loss, bits per byte and acceptance per head on a token shard; the recipe's validation data if nil.
        case loss(data: String?, batches: Int)
        /// Tokens per forward of self-speculative decoding.
        case decoding(Decoding)
        /// A synthetic task, `arithmetic` or `induction`.
        case task(String, data: String?)
        /// pass@k on a benchmark of programming problems.
        case code(Code)
    }

    struct Decoding: Sendable, Equatable {
        var data: String?
        var prompts = 8
        var promptTokens = 64
        var maxTokens = 160
        /// 0 is greedy decoding.
        var temperature = 0.0
        /// Whether the table also shows the speed-up, which depends on the machine's load.
        var showsSpeed = false
    }

    struct Code: Sendable, Equatable {
        var problems: String
        /// Completions per problem and temperature.
        var completions = 1
        var ks = [1]
        var temperatures = [0.2]
        var maxTokens = 512
        /// Seconds per program.
        var timeout = 3.0
        var isUnsafe = false
    }

    /// The measurement's name in results, unique in a study.
    let name: String
    let kind: Kind

    /// The arguments of `foretoken`. `files`: the path prefix of the files from which an interrupted measurement resumes.
    func arguments(model: String, validation: String?, seed: UInt64, files: String) -> [String] {
        var words: [String]
        var options: [(String, String)] = [("--model", model)]
        switch kind {
        case .loss(let data, let batches):
            words = ["loss"]
            options += [("--data", data ?? validation ?? ""), ("--batches", "\(batches)")]
        case .decoding(let decoding):
            words = ["decoding"]
            options += [("--data", decoding.data ?? validation ?? ""), ("--prompts", "\(decoding.prompts)")]
            options += [
                ("--prompt-tokens", "\(decoding.promptTokens)"), ("--max-tokens", "\(decoding.maxTokens)"),
                ("--temperature", "\(decoding.temperature)"), ("--seed", "\(seed)"),
            ]
        case .task(let task, let data):
            words = [task]
            options += (data.map { [("--data", $0)] } ?? []) + [("--out", files + ".answers.jsonl")]
        case .code(let code):
            words = code.isUnsafe ? ["code", "--unsafe-no-sandbox"] : ["code"]
            let ks = code.ks.map(String.init).joined(separator: ",")
            let temperatures = code.temperatures.map { "\($0)" }.joined(separator: ",")
            options += [("--problems", code.problems), ("--samples", files + ".samples.jsonl")]
            options += [("--out", files + ".graded.jsonl"), ("-m", "\(code.completions)"), ("-k", ks)]
            options += [("--temperatures", temperatures), ("--max-tokens", "\(code.maxTokens)")]
            options += [("--timeout", "\(code.timeout)"), ("--seed", "\(seed)")]
        }
        words += options.flatMap { [$0.0, $0.1] }
        return ["evaluate"] + words + ["--json"]
    }

    /// The files it reads, other than those of the run itself.
    func files(validation: String?) -> [String] {
        switch kind {
        case .loss(let data, _): [data ?? validation].compactMap(\.self)
        case .decoding(let options): [options.data ?? validation].compactMap(\.self)
        case .task(_, let data): [data].compactMap(\.self)
        case .code(let options): [options.problems]
        }
    }

    /// Whether it needs the recipe's validation data.
    var needsValidation: Bool {
        switch kind {
        case .loss(let data, _): data == nil
        case .decoding(let options): options.data == nil
        case .task, .code: false
        }
    }

    /// The table's columns, in order, for models with up to `heads` heads.
    func columns(heads: Int) -> [StudyMetric] {
        switch kind {
        case .loss:
            return [StudyMetric("bitsPerByte", .bits)]
                + (2...max(2, heads)).filter { $0 <= heads }.map { StudyMetric("acceptance.\($0)", .share) }
        case .decoding(let options):
            let speed = StudyMetric(suffixed("speedUp", options.temperature), .times)
            return [StudyMetric(suffixed("tokensPerForward", options.temperature), .ratio)]
                + (options.showsSpeed ? [speed] : [])
        case .task:
            return ["inDomain", "outOfDomain"].map { StudyMetric("\(name).\($0)", .share) }
        case .code(let options):
            return options.ks.map { StudyMetric("\(name).pass@\($0)", .share) }
        }
    }

    /// All values of a measurement's output, by name.
    func values(of answer: JSONValue) -> [String: Double] {
        var values: [String: Double] = [:]
        guard case .object(let object) = answer else { return values }
        func take(_ key: String, as name: String) {
            switch object[key] {
            case .number(let number): values[name] = number
            case .integer(let number): values[name] = Double(number)
            case .array(let items):
                for (index, item) in items.enumerated() {
                    guard case .number(let number) = item else { continue }
                    values["\(name).\(index + 1)"] = number
                    // Head 1's value is also the metric without a head number.
                    if index == 0 { values[name] = number }
                }
            default: break
            }
        }
        switch kind {
        case .loss: for key in ["loss", "bitsPerByte", "acceptance", "cumulativeAcceptance"] { take(key, as: key) }
        case .decoding(let options):
            for key in ["tokensPerForward", "speedUp"] { take(key, as: suffixed(key, options.temperature)) }
        case .task:
            for key in ["inDomain", "outOfDomain"] {
                guard case .object(let side) = object[key], case .number(let number) = side["accuracy"] else {
                    continue
                }
                values["\(name).\(key)"] = number
            }
        case .code(let options): for k in options.ks { take("pass@\(k)", as: "\(name).pass@\(k)") }
        }
        return values
    }

    private func suffixed(_ metric: String, _ temperature: Double) -> String {
        temperature == 0 ? metric : "\(metric)@\(temperature)"
    }
}
