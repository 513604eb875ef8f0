import ForetokenText
public import Foundation
public import Torch

/// A JSONL file of prompts and one of their continuations, in the same order; an interrupted run goes on where it stopped.
///
/// A prompt's line is an object with the key `prompt`; its other keys are copied to the line of the continuation, which
/// has `completion`, `sample`, `stopReason`, `tokens`, `forwards` and the counts of drafts besides.
public struct PromptFile: Sendable {
    /// What can be wrong with the files.
    public enum Problem: Error, Equatable, CustomStringConvertible {
        /// A line is no object with a text under `prompt`.
        case badLine(file: String, line: Int, reason: String)
        /// The output holds something that this run would not have written.
        case foreignOutput(file: String, line: Int)
        /// The system would not read or write.
        case system(file: String, reason: String)

        /// What is wrong and what to do.
        public var description: String {
            switch self {
            case .badLine(let file, let line, let reason):
                "\(file): line \(line): \(reason); every line is an object such as {\"prompt\": \"def \"}"
            case .foreignOutput(let file, let line):
                "\(file): line \(line) does not continue the prompts given; name another file, or the same prompts to resume"
            case .system(let file, let reason): "\(file): \(reason)"
            }
        }
    }

    /// The objects of the lines, with their prompts.
    public let prompts: [(fields: JSONObject, text: String)]

    /// Reads prompts; empty lines are skipped.
    ///
    /// - Throws: ``Problem``.
    public init(contentsOf url: URL) throws {
        var prompts: [(JSONObject, String)] = []
        let name = url.relativePath
        for (index, line) in try Self.lines(of: url).enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) {
            func bad(_ reason: String) -> Problem { .badLine(file: name, line: index + 1, reason: reason) }
            guard let text = String(validating: line, as: UTF8.self) else { throw bad("not UTF-8") }
            guard case .object(let fields) = try Self.parse(text, bad) else { throw bad("not an object") }
            guard case .string(let prompt) = fields["prompt"] else { throw bad("no text under 'prompt'") }
            prompts.append((fields, prompt))
        }
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
            return [UInt8](try Data(contentsOf: url, options: .mappedIfSafe)).split(
                separator: 0x0A, omittingEmptySubsequences: false)
        } catch {
            throw Problem.system(file: url.relativePath, reason: error.systemReason)
        }
    }

    /// Continues every prompt `samples` times and appends the lines to `out` in order, after those that are there already.
    ///
    /// `request` makes a prompt's request; `progress` is called after every line with lines written and lines in all, and
    /// stops the run by false.
    ///
    /// - Throws: ``Problem``, ``DecodingError``, `TorchError.outOfMemory`; written lines stay.
    @TorchActor
    public func run(
        on engine: BatchEngine, samples: Int = 1, to out: URL, request: (String) -> GenerationRequest,
        progress: (Int, Int) -> Bool
    ) async throws {
        let total = prompts.count * samples
        var written = try resume(out, samples: samples)
        let handle: FileHandle
        do {
            handle = try FileHandle(forWritingTo: out)
            try handle.seekToEnd()
        } catch {
            throw Problem.system(file: out.relativePath, reason: error.systemReason)
        }
        defer { try? handle.close() }
        try await engine.runInOrder(written..<total, samples: samples) { line in
            var own = request(prompts[line / samples].text)
            own.sampler.seed &+= UInt64(line % samples)
            return own
        } goesOn: {
            progress($0, total)
        } body: { line, text, statistics in
            let value = Self.line(prompts[line / samples].fields, text, sample: line % samples, statistics)
            do {
                try handle.write(contentsOf: Data((try value.text() + "\n").utf8))
            } catch {
                throw Problem.system(file: out.relativePath, reason: error.systemReason)
            }
            written += 1
        }
        _ = progress(written, total)
    }

    private static func line(
        _ fields: JSONObject, _ text: String, sample: Int, _ statistics: GenerationStatistics
    ) -> JSONValue {
        var object = fields
        object["completion"] = .string(text)
        object["sample"] = .integer(sample)
        object["stopReason"] = .string(statistics.stopReason?.rawValue ?? "")
        object["tokens"] = .integer(statistics.tokens.count)
        object["forwards"] = .integer(statistics.forwards)
        for (key, value) in statistics.drafts.json { object[key] = value }
        return .object(object)
    }

    /// Checks the lines that an earlier run wrote, and cuts off one that it did not finish.
    ///
    /// - Returns: how many there are.
    private func resume(_ out: URL, samples: Int) throws -> Int {
        let name = out.relativePath
        guard FileManager.default.fileExists(atPath: out.path) else {
            guard FileManager.default.createFile(atPath: out.path, contents: nil) else {
                throw Problem.system(file: name, reason: String(cString: strerror(errno)))
            }
            return 0
        }
        let lines = try Self.lines(of: out)
        let whole = lines.dropLast()
        for (index, line) in whole.enumerated() {
            let problem = Problem.foreignOutput(file: name, line: index + 1)
            guard index < prompts.count * samples,
                let text = String(validating: line, as: UTF8.self),
                case .object(let object) = try Self.parse(text, { _ in problem }),
                object["prompt"] == .string(prompts[index / samples].text),
                object["sample"] == .integer(index % samples)
            else { throw problem }
        }
        if let rest = lines.last, !rest.isEmpty {
            let kept = whole.reduce(0) { $0 + $1.count + 1 }
            guard truncate(out.path, off_t(kept)) == 0 else {
                throw Problem.system(file: name, reason: String(cString: strerror(errno)))
            }
        }
        return whole.count
    }
}
