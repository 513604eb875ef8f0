import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenEvaluation

/// APPS and CodeContests with what their files hold.
struct ContestProblemTests {
    private func problem(_ cases: String) throws -> Problem {
        let line: JSONValue = ["problem_id": 1, "question": "", "input_output": .string(cases)]
        let folder = try Folder()
        return try ProblemFile(contentsOf: folder.file("p.jsonl", line.text())).problems[0]
    }

    private static let digits = "123456789012345678901234567890"

    @Test(
        .enabled(if: Sandboxes.exists, Sandboxes.need),
        arguments: [
            // Integers of any length, exactly.
            (
                #"{"fn_name": "f", "inputs": [[\#(digits)]], "outputs": [\#(digits)]}"#,
                "def f(x): return x", "def f(x): return x + 1"
            ),
            (
                #"{"fn_name": "f", "inputs": [[1\#(String(repeating: "0", count: 400))]], "outputs": [1\#(String(repeating: "0", count: 399))7]}"#,
                "def f(x): return x + 7", "def f(x): return x"
            ),
            (
                #"{"fn_name": "f", "inputs": [[5000]], "outputs": [1\#(String(repeating: "0", count: 5000))]}"#,
                "def f(x): return int('1' + '0' * x)", "def f(x): return 10 ** x + 1"
            ),
            // What Python's json writes for doubles that are not finite.
            (
                #"{"fn_name": "f", "inputs": [[Infinity, -Infinity], [NaN, 1]], "outputs": [[Infinity], false]}"#,
                "def f(a, b): return [a] if a > b else a == a", "def f(a, b): return a == a"
            ),
            // Keys of dictionaries, which are strings in JSON.
            (
                #"{"fn_name": "f", "inputs": [[{"1": 2}]], "outputs": [{"2": 1}]}"#,
                "def f(d): return {v: k for k, v in d.items()}", "def f(d): return {str(v): k for k, v in d.items()}"
            ),
            (
                #"{"fn_name": "f", "inputs": [[{"a": 2}]], "outputs": [{"a": [1, 2]}]}"#,
                "def f(d): return {'a': [1, d['a']]}", "def f(d): return {}"
            ),
            // Standard input and output.
            (
                #"{"inputs": ["\#(digits)\n"], "outputs": ["\#(digits)\n"]}"#,
                "print(int(input()))", "print(int(float(input())))"
            ),
            (
                #"{"inputs": ["6000\n"], "outputs": ["\#(String(repeating: "1", count: 6000))\n"]}"#,
                "print((10 ** int(input()) - 1) // 9)", "print(1)"
            ),
            (
                #"{"inputs": [["3", "4"]], "outputs": [["7", "0.5"]]}"#,
                "print(sum(map(int, open('/dev/stdin'))))\nprint('0.5000001')", "print(7, 0.5)"
            ),
        ])
    func rightProgramsPassAndWrongOnesFail(cases: String, right: String, wrong: String) throws {
        let problem = try problem(cases)
        let grader = try Sandboxes.grader()
        let verdict = try grader.verdict(on: right, problem)
        #expect(verdict.outcome == .passed, "\(verdict)")
        #expect(try grader.verdict(on: wrong, problem).outcome == .failed)
    }

    @Test func aTaskWithoutTestsIsLeftOutAndTheOthersStay() throws {
        let folder = try Folder()
        let file = try ProblemFile(
            contentsOf: folder.file(
                "p.jsonl",
                #"""
                {"problem_id": 1, "question": "", "input_output": ""}
                {"problem_id": 2, "question": "", "input_output": "{\"inputs\": [], \"outputs\": []}", "difficulty": NaN}
                {"problem_id": 3, "question": "", "input_output": "{\"fn_name\": \"f\", \"inputs\": [], \"outputs\": []}"}
                {"problem_id": 4, "question": "", "input_output": null}
                {"problem_id": 5, "question": "", "input_output": "{\"inputs\": [\"1\"], \"outputs\": [\"1\"]}"}
                {"name": "c", "description": "", "public_tests": {"input": [], "output": []}}
                """#))
        #expect(file.withoutTests == ["APPS/1", "APPS/2", "APPS/3", "APPS/4", "c"])
        #expect(file.problems.filter(\.isEvaluated).map(\.id) == ["APPS/5"])
    }

    @Test(.enabled(if: Sandboxes.exists, Sandboxes.need))
    func samplesOfATaskWithoutTestsDoNotStopTheOthers() throws {
        let folder = try Folder()
        let problems = try ProblemFile(
            contentsOf: folder.file(
                "p.jsonl",
                #"""
                {"problem_id": 1, "question": "", "input_output": ""}
                {"problem_id": 5, "question": "", "input_output": "{\"inputs\": [\"1\"], \"outputs\": [\"1\"]}"}
                """#))
        let samples = try CompletionFile(
            contentsOf: folder.file(
                "s.jsonl",
                #"{"task_id": "APPS/1", "completion": "print(1)"}"# + "\n"
                    + #"{"task_id": "APPS/5", "completion": "print(1)"}"#), of: problems)
        let outcome = try GradingRun(samples, of: problems, in: try #require(Sandboxes.working), workers: 1)
            .run(to: folder.url.appendingPathComponent("r.jsonl")) { _, _, _ in true }
        #expect(outcome.isComplete && outcome.graded.map(\.task) == ["APPS/5"])
    }

    @Test(.enabled(if: Sandboxes.exists, Sandboxes.need))
    func startAndTransferDoNotCountAgainstTheTimeLimit() throws {
        let input = String(repeating: "123456789 987654321 0123456789 abcdefghij klmnop\n", count: 600_000)
        let problem = Problem(
            id: "large", prompt: "", tests: .inputOutput([.init(input: input, output: "123456789")]))
        let grader = try Sandboxes.grader()
        let began = ContinuousClock.now
        let verdict = try grader.verdict(on: "import sys\nprint(sys.stdin.read()[:9])", problem)
        let wall = (ContinuousClock.now - began) / .seconds(1)
        #expect(verdict.outcome == .passed, "\(verdict)")
        // Sandbox and interpreter need 30 ms to start on a quiet machine, and 29 MB some 10 ms more.
        #expect(wall - verdict.seconds > 0.015, "\(wall) \(verdict.seconds)")
        let slow = try grader.verdict(on: "while True: pass", problem, seconds: 0.3)
        #expect(slow.outcome == .timedOut && slow.seconds >= 0.3, "\(slow)")
    }
}
