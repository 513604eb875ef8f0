public import ForetokenFiles
public import ForetokenPlatform
import ForetokenText

/// A JSONL file of prompts and one of their continuations, in the same order; an interrupted run goes on where it stopped.
///
/// A prompt's line is an object with the key `prompt`; its other keys are copied to the line of the continuation, which
/// has `run` (model and settings), `completion`, `sample`, `stopReason`, `tokens`, `forwards` and the counts of drafts besides.
public struct PromptFile: Sendable {
    /// What can be wrong with the files.
    public enum Problem: Error, Equatable, CustomStringConvertible {
        /// A line is no object with a text under `prompt`.
        case badLine(file: String, line: Int, reason: String)
        /// The system would not read or write.
        case system(file: String, reason: String)

        /// What is wrong and what to do.
        public var description: String {
            switch self {
            case .badLine(let file, let line, let reason):
                "\(file): line \(line): \(reason); every line is an object such as {\"prompt\": \"def \"}"
            case .system(let file, let reason): "\(file): \(reason)"
            }
        }
    }

    /// The objects of the lines, with their prompts and where they stand, counted from one.
    public let prompts: [(fields: JSONObject, text: String, line: Int)]

    private let url: URL

    /// Reads prompts; empty lines are skipped.
    ///
    /// - Throws: ``Problem``.
    public init(contentsOf url: URL) throws {
        var prompts: [(JSONObject, String, Int)] = []
        let name = url.relativePath
        for (index, line) in try Self.lines(of: url).enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) {
            func bad(_ reason: String) -> Problem { .badLine(file: name, line: index + 1, reason: reason) }
            guard let text = String(validating: line, as: UTF8.self) else { throw bad("not UTF-8") }
            guard case .object(let fields) = try Self.parse(text, bad) else { throw bad("not an object") }
            guard case .string(let prompt) = fields["prompt"] else { throw bad("no text under 'prompt'") }
            prompts.append((fields, prompt, index + 1))
        }
        self.url = url
        guard !prompts.isEmpty else { throw Problem.system(file: name, reason: "there is no prompt in it") }
        self.prompts = prompts
    }

    private static func parse(_ text: String, _ bad: (String) -> Problem) throws -> JSONValue {
        do {
            return try JSONValue(parsing: text, file: "")
        } catch {
            throw bad("not JSON")
        }
    }

    private static func lines(of url: URL) throws -> [ArraySlice<UInt8>] {
        do {
            // Read, not mapped: prompts may come from a pipe.
            let bytes = try OpenFile(reading: url).readToEnd()
            // Editors of Windows begin a text with a mark.
            return bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0).split(
                separator: 0x0A, omittingEmptySubsequences: false)
        } catch {
            throw Problem.system(file: url.relativePath, reason: error.systemReason)
        }
    }

    /// Continues every prompt `samples` times and appends the lines to `out` in order, after those that are there already.
    ///
    /// `fingerprint` tells the model from others; `request` makes a prompt's request; `progress` is called after every line
    /// with lines written and lines in all, and stops the run by false.
    ///
    /// - Throws: ``Problem``, before the first text, for a prompt that the model cannot continue; `ResultsFileError`,
    ///   ``DecodingError``, ``DecodingError/outOfMemory(_:)``; written lines stay.
    @ComputeActor
    public func run(
        on engine: BatchEngine, samples: Int = 1, to out: URL, fingerprint: String = "",
        request: (String) -> GenerationRequest, progress: (Int, Int) -> Bool
    ) async throws {
        let total = prompts.count * samples
        let run = request("").digest(model: fingerprint)
        var written = 0
        let results = try ResultsFile(resuming: out, inputs: [url]) { node, _ in
            guard written < total, node.has(beginning(of: written, samples, run)) else { return false }
            written += 1
            return true
        } unfinished: {
            written < total ? [.object(beginning(of: written, samples, run))] : []
        }
        for prompt in prompts[min(prompts.count, written / samples)...] {
            do {
                try engine.check(request(prompt.text))
            } catch {
                throw Problem.badLine(file: url.relativePath, line: prompt.line, reason: "\(error)")
            }
        }
        try await engine.runInOrder(written..<total, samples: samples) { line in
            var own = request(prompts[line / samples].text)
            own.sampler.seed &+= UInt64(line % samples)
            return own
        } goesOn: {
            progress($0, total)
        } body: { line, text, statistics in
            var object = beginning(of: line, samples, run)
            for (key, value) in Self.found(text, statistics) { object[key] = value }
            try results.append(.object(object))
            written += 1
        }
        _ = progress(written, total)
    }

    /// What a line of the output has before its text is known.
    private func beginning(of line: Int, _ samples: Int, _ run: String) -> JSONObject {
        var object = prompts[line / samples].fields
        for key in Self.found("", GenerationStatistics()).keys { object[key] = nil }
        object["sample"] = .integer(line % samples)
        object["run"] = .string(run)
        return object
    }

    private static func found(_ text: String, _ statistics: GenerationStatistics) -> JSONObject {
        var object = JSONObject()
        object["completion"] = .string(text)
        object["stopReason"] = .string(statistics.stopReason?.rawValue ?? "")
        object["tokens"] = .integer(statistics.tokens.count)
        object["forwards"] = .integer(statistics.forwards)
        for (key, value) in statistics.drafts.json { object[key] = value }
        return object
    }
}
