public import ForetokenFiles
public import ForetokenPlatform
import ForetokenText

/// Completes the prompts of a JSONL file and writes the completions to another one, in the same order. An interrupted run
/// resumes where it stopped.
///
/// Each prompt is a line with an object that has the key `prompt`, or `messages` for a conversation, perhaps with `tools`. Its other keys are copied to the completion's line, which
/// adds `run` (a digest of model and settings), `completion`, `sample` (the completion's index), `stopReason`, `tokens`,
/// `forwards` and the draft counts.
public struct PromptFile: Sendable {
    /// An error in the files.
    public enum Problem: Error, Equatable, CustomStringConvertible {
        /// A line is not an object with a string under `prompt`.
        case badLine(file: String, line: Int, reason: String)
        /// Reading or writing failed.
        case system(file: String, reason: String)

        /// The message: what is wrong and what to do next.
        public var description: String {
            switch self {
            case .badLine(let file, let line, let reason):
                "\(file): line \(line): \(reason); every line is an object such as {\"prompt\": \"def \"} or "
                    + "{\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}"
            case .system(let file, let reason): "\(file): \(reason)"
            }
        }
    }

    /// What a line asks for.
    public enum Prompt: Sendable, Equatable {
        /// To continue a text.
        case text(String)
        /// To answer a conversation.
        case messages([JSONValue], tools: [JSONValue]?)
    }

    /// The lines' objects, with their prompts and line numbers from 1.
    public let prompts: [(fields: JSONObject, prompt: Prompt, line: Int)]

    /// Whether some line is a conversation.
    public var hasMessages: Bool {
        prompts.contains { if case .messages = $0.prompt { true } else { false } }
    }

    private let url: URL

    /// Reads prompts; empty lines are skipped.
    ///
    /// - Throws: ``Problem``.
    public init(contentsOf url: URL) throws {
        var prompts: [(JSONObject, Prompt, Int)] = []
        let name = url.relativePath
        for (index, line) in try Self.lines(of: url).enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) {
            func bad(_ reason: String) -> Problem { .badLine(file: name, line: index + 1, reason: reason) }
            guard let text = String(validating: line, as: UTF8.self) else { throw bad("not UTF-8") }
            guard case .object(let fields) = try Self.parse(text, bad) else { throw bad("not an object") }
            prompts.append((fields, try Self.prompt(fields, bad), index + 1))
        }
        self.url = url
        guard !prompts.isEmpty else { throw Problem.system(file: name, reason: "there is no prompt in it") }
        self.prompts = prompts
    }

    private static func prompt(_ fields: JSONObject, _ bad: (String) -> Problem) throws -> Prompt {
        guard let messages = fields["messages"] else {
            guard case .string(let prompt) = fields["prompt"] else { throw bad("no text under 'prompt'") }
            return .text(prompt)
        }
        guard fields["prompt"] == nil else { throw bad("both 'prompt' and 'messages'") }
        guard case .array(let messages) = messages else { throw bad("no list under 'messages'") }
        switch fields["tools"] {
        case nil, .null?: return .messages(messages, tools: nil)
        case .array(let tools)?: return .messages(messages, tools: tools)
        default: throw bad("no list under 'tools'")
        }
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
            // Editors on Windows write a byte order mark.
            return bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0).split(
                separator: 0x0A, omittingEmptySubsequences: false)
        } catch {
            throw Problem.system(file: url.relativePath, reason: error.systemReason)
        }
    }

    /// Completes every prompt `completions` times and appends the lines to `out` in order, after those already there.
    ///
    /// - Parameters:
    ///   - engine: the engine to run on.
    ///   - completions: completions of each prompt.
    ///   - out: the file of completions.
    ///   - modelDigest: identifies the model.
    ///   - request: returns a prompt's request.
    ///   - progress: called before every line, and once at the end, with the number of lines written and the total; returning
    ///     false stops the run.
    /// - Throws: ``Problem`` for a prompt that the model cannot continue, before generation starts; `ResultsFileError`,
    ///   ``DecodingError``, ``DecodingError/outOfMemory(_:)``. Lines already written stay.
    @ComputeActor
    public func run(
        on engine: BatchEngine, completions: Int = 1, to out: URL, modelDigest: String = "",
        request: (Prompt) throws -> GenerationRequest, progress: (Int, Int) -> Bool
    ) async throws {
        let total = prompts.count * completions
        let run = try request(.text("")).digest(model: modelDigest)
        var written = 0
        let results = try ResultsFile(resuming: out, inputs: [url]) { node, _ in
            guard written < total, node.has(beginning(of: written, completions, run)) else { return false }
            written += 1
            return true
        } unfinished: {
            written < total ? [.object(beginning(of: written, completions, run))] : []
        }
        // Made once, before the first is generated: a conversation that the model's template refuses is an error of its line.
        let first = min(prompts.count, written / completions)
        let requests = try prompts[first...].map { prompt in
            do {
                let request = try request(prompt.prompt)
                try engine.check(request)
                return request
            } catch {
                throw Problem.badLine(file: url.relativePath, line: prompt.line, reason: "\(error)")
            }
        }
        try await engine.runInOrder(written..<total, completions: completions) { line in
            var completion = requests[line / completions - first]
            completion.sampler.seed &+= UInt64(line % completions)
            return completion
        } shouldContinue: {
            progress($0, total)
        } body: { line, text, statistics in
            var object = beginning(of: line, completions, run)
            for (key, value) in Self.result(text, statistics) { object[key] = value }
            try results.append(.object(object))
            written += 1
        }
        _ = progress(written, total)
    }

    /// The keys of an output line that are known before generation.
    private func beginning(of line: Int, _ completions: Int, _ run: String) -> JSONObject {
        var object = prompts[line / completions].fields
        for key in Self.result("", GenerationStatistics()).keys { object[key] = nil }
        object["sample"] = .integer(line % completions)
        object["run"] = .string(run)
        return object
    }

    private static func result(_ text: String, _ statistics: GenerationStatistics) -> JSONObject {
        var object = JSONObject()
        object["completion"] = .string(text)
        object["stopReason"] = .string(statistics.stopReason?.rawValue ?? "")
        object["tokens"] = .integer(statistics.tokens.count)
        object["forwards"] = .integer(statistics.forwards)
        for (key, value) in statistics.drafts.json { object[key] = value }
        return object
    }
}
