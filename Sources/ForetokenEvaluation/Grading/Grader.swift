import ForetokenFiles
import Foundation

/// What became of a program.
public struct Verdict: Sendable, Equatable {
    /// Passed, or why not.
    public enum Outcome: String, Sendable {
        /// Every test holds.
        case passed
        /// A test fails, or the program does.
        case failed
        /// The time ran out.
        case timedOut
    }

    /// The outcome.
    public var outcome: Outcome
    /// A few words for people; may hold a program's own text.
    public var reason = ""
    /// Seconds of program and tests.
    public var seconds = 0.0
}

/// Judges one program at a time, in a sandbox, on the calling thread.
public struct Grader: Sendable {
    /// The grader's own failure: the program's verdict is not known.
    public struct Fault: Error, Sendable, Equatable {
        /// What happened.
        public let reason: String
    }

    /// Where programs run.
    public let sandbox: Sandbox

    /// A grader.
    public init(_ sandbox: Sandbox) { self.sandbox = sandbox }

    /// Runs a program against a problem's tests.
    ///
    /// `seconds` is the time limit; the sandbox's own if nil.
    ///
    /// - Throws: ``Fault``, where it is not the program that failed; ``EvaluationError``.
    public func verdict(on program: String, _ problem: Problem, seconds: Double? = nil) throws -> Verdict {
        let seconds = seconds ?? sandbox.limits.seconds
        // A NUL is for Python to refuse.
        switch problem.tests {
        case .calls(let setup, let code, let entry):
            return try calls(program, setup, code, entry, seconds)
        case .inputOutput(let examples):
            var spent = 0.0
            for (index, example) in examples.enumerated() {
                var verdict = try inputOutput(program, example, seconds)
                spent += verdict.seconds
                guard verdict.outcome == .passed else {
                    verdict.reason = "test \(index + 1) of \(examples.count): \(verdict.reason)"
                    verdict.seconds = spent
                    return verdict
                }
            }
            guard !examples.isEmpty else { throw Fault(reason: "the problem has no tests") }
            return Verdict(outcome: .passed, seconds: spent)
        }
    }

    private func calls(
        _ program: String, _ setup: String, _ code: String, _ entry: String?, _ seconds: Double
    ) throws -> Verdict {
        let cpu = Int(seconds.rounded(.up)) + 1
        let job: JSONValue = [
            "program": .string(program), "setup": .string(setup), "code": .string(code),
            "entry": entry.map(JSONValue.string) ?? .null, "limit": .number(seconds),
        ]
        let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
        let (questions, answers) = (try Pipe(), try Pipe())
        let runner = try sandbox.start(
            Harness.program, cpuSeconds: cpu,
            descriptors: [(questions.reading.number, 0), (answers.writing.number, 1), (errors.writing.number, 2)])
        let tests: ChildProcess
        do {
            tests = try sandbox.start(
                Harness.tests, cpuSeconds: cpu + 60,
                descriptors: [
                    (input.reading.number, 0), (output.writing.number, 1), (errors.writing.number, 2),
                    (questions.writing.number, 3), (answers.reading.number, 4),
                ])
        } catch {
            _ = runner.end(killing: true)
            throw error
        }
        for end in [questions.reading, questions.writing, answers.reading, answers.writing] { end.close() }
        for end in [input.reading, output.writing, errors.writing] { end.close() }
        // The program's process may keep `errors` open after the verdict: nothing is waited for but the verdict.
        let found = ChildProcess.exchange(
            input: Array(try job.text().utf8), to: input.writing, from: output.reading, errors: errors.reading,
            limit: 1 << 16, deadline: .now + .seconds(2 * seconds + 70), untilOutputCloses: true,
            watching: (runner, sandbox.limits.memory))
        _ = runner.end(killing: true)
        let status = tests.end(killing: found.ending != .closed)
        if found.ending == .memoryLimit { return Verdict(outcome: .failed, reason: "memory limit") }
        guard found.ending == .closed else {
            return Verdict(outcome: .timedOut, reason: "the tests did not end", seconds: seconds)
        }
        var text = String(decoding: found.output, as: UTF8.self)
        let isStarted = text.hasPrefix(Self.started)
        if isStarted { text.removeFirst(Self.started.count) }
        if isStarted, text.isEmpty, status == 128 + SIGXCPU {
            return Verdict(outcome: .timedOut, reason: "the program's answers take too long", seconds: seconds)
        }
        guard let node = try? JSONNode(JSONValue(parsing: text, file: "verdict"), file: "verdict"),
            let kind = try? node["verdict"].string(), let reason = try? node["reason"].string(),
            let spent = try? node["seconds"].double()
        else {
            throw Fault(
                reason: "the tests ended with status \(status) and without a verdict: " + Self.said(found.errors))
        }
        switch kind {
        case "passed": return Verdict(outcome: .passed, seconds: spent)
        case "failed": return Verdict(outcome: .failed, reason: reason, seconds: spent)
        case "timeout": return Verdict(outcome: .timedOut, reason: reason, seconds: spent)
        default: throw Fault(reason: [reason, Self.said(found.errors)].filter { !$0.isEmpty }.joined(separator: ": "))
        }
    }

    private func inputOutput(_ program: String, _ example: Problem.Example, _ seconds: Double) throws -> Verdict {
        let began = ContinuousClock.now
        let source = Array(program.utf8)
        let found = try ChildProcess.output(
            of: sandbox.command(Harness.standardInput, cpuSeconds: Int(seconds.rounded(.up)) + 1),
            input: Array("\(source.count)\n".utf8) + source + Array(example.input.utf8),
            environment: Sandbox.environment, limit: sandbox.limits.output, deadline: began + .seconds(seconds),
            memory: sandbox.limits.memory, filter: sandbox.filter)
        let spent = (ContinuousClock.now - began) / .seconds(1)
        guard found.errors.starts(with: Array("ready".utf8)) else {
            if found.ending == .deadline { return Verdict(outcome: .timedOut, reason: "time limit", seconds: spent) }
            throw Fault(reason: "the program's process did not start: " + Self.said(found.errors))
        }
        func failed(_ reason: String) -> Verdict { Verdict(outcome: .failed, reason: reason, seconds: spent) }
        switch found.ending {
        case .deadline: return Verdict(outcome: .timedOut, reason: "time limit", seconds: spent)
        case .memoryLimit: return failed("memory limit")
        case .outputLimit: return failed("more than \(sandbox.limits.output) bytes of output")
        case .closed: break
        }
        guard found.status == 0 else { return failed("exit status \(found.status)") }
        guard Self.isSame(String(decoding: found.output, as: UTF8.self), example.output) else {
            return failed("other output than expected")
        }
        return Verdict(outcome: .passed, seconds: spent)
    }

    /// Whether two outputs hold the same words; numbers with a fraction may differ in their last digits.
    static func isSame(_ found: String, _ expected: String) -> Bool {
        let (left, right) = (
            found.split(whereSeparator: \.isWhitespace), expected.split(whereSeparator: \.isWhitespace)
        )
        return left.count == right.count
            && zip(left, right).allSatisfy { one, other in
                if one == other { return true }
                guard one.contains(".") || other.contains("."), let a = Double(one), let b = Double(other) else {
                    return false
                }
                return abs(a - b) <= 1e-5 * max(1, abs(b))
            }
    }

    /// The line that the tests' process writes when the program is about to run.
    private static let started = "started\n"

    private static func said(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.suffix(400), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
