import ForetokenFiles
import Foundation

/// The result of running a program against a problem's tests.
public struct Verdict: Sendable, Equatable {
    /// Whether the program passed.
    public enum Outcome: String, Sendable {
        /// All tests passed.
        case passed
        /// A test failed, or the program raised an error.
        case failed
        /// The time limit was exceeded.
        case timedOut
    }

    /// The outcome.
    public var outcome: Outcome
    /// A short explanation, which may contain text from the program.
    public var reason = ""
    /// The run time of program and tests in seconds.
    public var seconds = 0.0
}

/// Grades one program at a time, in a sandbox, on the calling thread.
public struct Grader: Sendable {
    /// A failure of the grader; the program's verdict is unknown.
    public struct Fault: Error, Sendable, Equatable {
        /// What failed.
        public let reason: String
    }

    /// The sandbox in which programs run.
    public let sandbox: Sandbox

    /// Creates a grader.
    public init(_ sandbox: Sandbox) { self.sandbox = sandbox }

    /// Runs a program against a problem's tests.
    ///
    /// - Parameters:
    ///   - program: the program.
    ///   - problem: the problem, whose reference solution tells which names the program defines and which are of libraries.
    ///   - seconds: the time limit; that of the sandbox if nil. Problems of EvalPlus have its limits for each input instead.
    ///   - slowness: the factor by which this machine is slower than the one that EvalPlus' limits are meant for.
    /// - Throws: ``Fault`` if grading failed for reasons other than the program; ``EvaluationError``.
    public func verdict(
        on program: String, _ problem: Problem, seconds: Double? = nil, slowness: Double = 1
    ) throws -> Verdict {
        let seconds = seconds ?? sandbox.limits.seconds
        // A program with a NUL byte is rejected by Python.
        switch problem.tests {
        case .calls(let setup, let code, let entry):
            let job: JSONValue = [
                "program": .string(program), "setup": .string(setup), "code": .string(code),
                "entry": entry.map(JSONValue.string) ?? .null, "limit": .number(seconds),
                "reference": problem.reference.map { .string(problem.programPrefix + $0) } ?? .null,
            ]
            return try exchange(Harness.calls, job, seconds)
        case .reference(let row):
            let job: JSONValue = ["program": .string(program), "row": .string(row), "scale": .number(slowness)]
            return try exchange(Harness.reference, job, Self.evalPlusSeconds * slowness)
        case .inputOutput(let examples, let comparison):
            var spent = 0.0
            for (index, example) in examples.enumerated() {
                var verdict = try inputOutput(program, example, comparison, seconds)
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

    /// More than EvalPlus' limits of two lists of inputs, 62 seconds each; the tests' process knows the limit of each input.
    private static let evalPlusSeconds = 130.0

    /// Runs the program in one process and tests that call it in another one.
    private func exchange(_ script: String, _ job: JSONValue, _ seconds: Double) throws -> Verdict {
        let cpu = Int(seconds.rounded(.up)) + 1
        let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
        let (questions, answers) = (try Pipe(), try Pipe())
        let runner = try sandbox.start(
            Harness.program, cpuSeconds: cpu,
            descriptors: [(questions.reading.number, 0), (answers.writing.number, 1), (errors.writing.number, 2)])
        let tests: ChildProcess
        do {
            tests = try sandbox.start(
                script, cpuSeconds: cpu + 60,
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
        // The program's process may keep `errors` open after the verdict, so only the verdict is waited for.
        let found = ChildProcess.exchange(
            input: Array(try job.text().utf8), to: input.writing, from: output.reading, errors: errors.reading,
            limit: 1 << 16, deadline: .now + .seconds(2 * seconds + 70), untilOutputCloses: true,
            watching: (runner, sandbox.limits.memory))
        _ = runner.end(killing: true)
        let status = tests.end(killing: found.ending != .closed)
        if found.ending == .memoryLimit { return Verdict(outcome: .failed, reason: "memory limit") }
        guard found.ending == .closed else {
            return Verdict(outcome: .timedOut, reason: "the tests did not finish", seconds: seconds)
        }
        var text = String(decoding: found.output, as: UTF8.self)
        let isStarted = text.hasPrefix(Self.started)
        if isStarted { text.removeFirst(Self.started.count) }
        if isStarted, text.isEmpty, status == 128 + SIGXCPU {
            return Verdict(outcome: .timedOut, reason: "values returned by the program take too long", seconds: seconds)
        }
        guard let node = try? JSONNode(JSONValue(parsing: text, file: "verdict"), file: "verdict"),
            let kind = try? node["verdict"].string(), let reason = try? node["reason"].string(),
            let spent = try? node["seconds"].double()
        else {
            throw Fault(
                reason: "the tests exited with status \(status) without a verdict: " + Self.message(found.errors))
        }
        switch kind {
        case "passed": return Verdict(outcome: .passed, seconds: spent)
        case "failed": return Verdict(outcome: .failed, reason: reason, seconds: spent)
        case "timeout": return Verdict(outcome: .timedOut, reason: reason, seconds: spent)
        default:
            throw Fault(reason: [reason, Self.message(found.errors)].filter { !$0.isEmpty }.joined(separator: ": "))
        }
    }

    private func inputOutput(
        _ program: String, _ example: Problem.Example, _ comparison: OutputComparison, _ seconds: Double
    ) throws -> Verdict {
        let found = try sandbox.execute(program, input: example.input, seconds: seconds)
        guard let spent = found.seconds else {
            throw Fault(reason: "the program's process did not start: " + Self.message(found.errors))
        }
        func failed(_ reason: String) -> Verdict { Verdict(outcome: .failed, reason: reason, seconds: spent) }
        switch found.ending {
        case .deadline: return Verdict(outcome: .timedOut, reason: "time limit", seconds: spent)
        case .memoryLimit: return failed("memory limit")
        case .outputLimit: return failed("more than \(sandbox.limits.output) bytes of output")
        case .closed: break
        }
        guard found.status == 0 else { return failed("exit status \(found.status)") }
        guard comparison.accepts(found.output, expected: Array(example.output.utf8)) else {
            return failed("output differs from expected output")
        }
        return Verdict(outcome: .passed, seconds: spent)
    }

    /// The line that the test process writes before it runs the program.
    private static let started = "started\n"

    /// The end of a process's standard error.
    private static func message(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.suffix(400), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
