import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenEvaluation

@Suite(.enabled(if: Sandboxes.exists, Sandboxes.need), .serialized)
struct GraderTests {
    private func outcome(_ program: String, _ code: String, entry: String? = nil, setup: String = "") throws -> Verdict
    {
        try Sandboxes.grader().verdict(
            on: program,
            Problem(id: "x", prompt: "", tests: .calls(setup: setup, code: code, entryPoint: entry)))
    }

    @Test(arguments: [
        "1", "-3", "2**100", "-2**63", "1.5", "float('inf')", "True", "None", "'é\\n\\ud800'", "b'\\x00\\xff'",
        "(1, (2,))",
        "[1, [2.0]]", "{1, 2}", "frozenset([1])", "{(1, 2): [3], None: {}}", "1j", "10**5000",
        "__import__('fractions').Fraction(1, 3)", "__import__('decimal').Decimal('0.10')",
        "__import__('collections').OrderedDict(a=1)",
    ])
    func aValueArrivesAsItWasSentBothWays(value: String) throws {
        let verdict = try outcome(
            "def echo(x):\n    assert x == \(value)\n    return x",
            "_v = \(value)\nassert echo(_v) == _v\nassert type(echo(_v)) in (type(_v), dict)", entry: "echo")
        #expect(verdict.outcome == .passed, "\(verdict)")
    }

    @Test func classesOfTheProgramIteratorsAndExpectedErrorsWorkInTests() throws {
        let program = """
            import math
            class Node:
                def __init__(self, value): self.value, self.next = value, None
            def count(node): return 0 if node is None else 1 + count(node.next)
            def numbers(n):
                yield from range(n)
            def refuse(x): raise ValueError('no')
            LIMIT = 7
            """
        let code = """
            a, b = Node(1), Node(2)
            a.next = b
            assert count(a) == 2 and a.value == 1 and a.next.value == 2
            assert list(numbers(3)) == [0, 1, 2] and sum(numbers(4)) == 6
            assert math.isclose(LIMIT, 7.0)
            try:
                refuse(1)
                assert False
            except ValueError as e:
                assert str(e) == 'no'
            """
        let verdict = try outcome(program, code)
        #expect(verdict.outcome == .passed, "\(verdict)")
    }

    @Test func aProgramCannotShadowWhatTheTestsUse() throws {
        let program = "def f(): return 1\nabs = max = lambda *a: 0\nclass math:\n    isclose = lambda *a: True"
        #expect(try outcome(program, "import math\nassert abs(f() - 2) < 0.1").outcome == .failed)
        #expect(try outcome(program, "import math\nassert math.isclose(f(), 2)").outcome == .failed)
    }

    @Test func whatIsWrongWithTheTestsIsAFaultAndNoFailureOfTheProgram() {
        #expect(throws: Grader.Fault.self) { try outcome("def f(): pass", "assert f() == (", entry: "f") }
        #expect(throws: Grader.Fault.self) {
            try outcome("def f(): pass", "f()", entry: "f", setup: "raise ValueError")
        }
    }

    @Test func aSandboxThatDoesNotStartIsAFaultAndNoFailureOfTheProgram() throws {
        var sandbox = try #require(Sandboxes.working)
        // The harness cannot open its files.
        sandbox.limits.openFiles = 3
        let small = Grader(sandbox)
        #expect(throws: Grader.Fault.self) {
            try small.verdict(on: "def add(a, b): return 5", HostileProgramTests.problem)
        }
    }

    /// Programs get a /tmp of their own, behind which an interpreter there must not disappear.
    @Test func anInterpreterInAVirtualEnvironmentUnderTheTemporaryFolderWorks() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = try ChildProcess.output(
            of: [try Sandbox().python, "-m", "venv", "--without-pip", folder.path], limit: 1 << 16,
            deadline: .now + .seconds(60))
        // Debian packages venv separately.
        guard made.status == 0 else { return }
        let sandbox = try Sandbox(python: folder.appendingPathComponent("bin/python3").path)
        let run = try sandbox.execute("import sys; print(sys.executable)", input: "", seconds: 10)
        #expect(String(decoding: run.output, as: UTF8.self) == "\(folder.path)/bin/python3\n")
    }

    @Test func aMissingInterpreterOrOneThatIsNoneIsSaidBeforeAnythingRuns() throws {
        #expect(throws: EvaluationError.self) { try Sandbox(python: "no-such-python") }
        #expect(throws: EvaluationError.self) { try Sandbox(python: "/bin/false") }
    }

    @Test func completionsAreGradedResumedAndCounted() throws {
        let folder = try Folder()
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", humanEvalText))
        let lines = [
            (0, "    return a + b"), (0, "    return a - b"), (1, "    return x / 2"), (1, "    while True: pass"),
            (0, #"    return a + b # \ud83d"#),
        ].map { #"{"task_id": "T/\#($0.0)", "completion": "\#($0.1)", "temperature": 0.5}"# }
        let completions = try CompletionFile(
            contentsOf: folder.file("s.jsonl", lines.joined(separator: "\n")), of: problems)
        let out = folder.url.appendingPathComponent("r.jsonl")
        var sandbox = try #require(Sandboxes.working)
        // Correct programs take some 10 ms, but must finish in time when two start at once on a busy machine.
        sandbox.limits.seconds = 3
        let run = GradingRun(completions, of: problems, in: sandbox, workers: 2)
        let outcome = try run.run(to: out) { _, _, _ in true }
        #expect(outcome.isComplete && outcome.failingReferences.isEmpty && outcome.repeated == 1)
        #expect(outcome.graded.map(\.verdict.outcome) == [.passed, .failed, .passed, .timedOut, .failed])

        let whole = try Data(contentsOf: out)
        let second = try #require(whole.firstIndex(of: 0x0A)) + 9
        try whole.prefix(second).write(to: out)
        var steps = 0
        let resumed = try run.run(to: out) { what, _, _ in
            steps += what == "graded" ? 1 : 0
            return true
        }
        #expect(steps == 4)
        #expect(resumed.graded.map(\.verdict.outcome) == outcome.graded.map(\.verdict.outcome))

        // The same tasks and programs with other tests or another limit.
        let stricter = try ProblemFile(
            contentsOf: folder.file("q.jsonl", humanEvalText.replacingOccurrences(of: "assert", with: "assert 1 and")))
        var longer = sandbox
        longer.limits.seconds = 4
        for run in [
            GradingRun(completions, of: stricter, in: sandbox, workers: 2),
            GradingRun(completions, of: problems, in: longer, workers: 2),
        ] {
            #expect(throws: ResultsFileError.foreign(file: out.relativePath, line: 1)) {
                try run.run(to: out) { _, _, _ in true }
            }
        }
        // Also detected before completions are generated.
        try GradingRun.requireWritable(out, reading: [], of: problems, in: sandbox)
        for (problems, sandbox) in [(stricter, sandbox), (problems, longer)] {
            #expect(throws: ResultsFileError.foreign(file: out.relativePath, line: 1)) {
                try GradingRun.requireWritable(out, reading: [], of: problems, in: sandbox)
            }
        }

        let other = try CompletionFile(
            contentsOf: folder.file("o.jsonl", lines.reversed().joined(separator: "\n")), of: problems)
        #expect(throws: ResultsFileError.self) {
            try GradingRun(other, of: problems, in: try #require(Sandboxes.working), workers: 1).run(to: out) {
                _, _, _ in
                true
            }
        }
    }

    @Test func whatCannotBeGradedIsReportedAndTheRestIsGraded() throws {
        let folder = try Folder()
        func row(_ number: Int, _ test: String) -> String {
            #"{"task_id": \#(number), "text": "", "code": "def f(): return 1", "test_list": ["\#(test)"]}"#
        }
        let rows = [row(11, "assert f() == 1"), row(12, "assert f() == ("), row(13, "import no_such_library")]
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", rows.joined(separator: "\n")))
        let lines = [11, 12, 11, 13].map { #"{"task_id": "MBPP/\#($0)", "solution": "def f(): return 1"}"# }
        let completions = try CompletionFile(
            contentsOf: folder.file("s.jsonl", lines.joined(separator: "\n")), of: problems)
        let sandbox = try #require(Sandboxes.working)
        let out = folder.url.appendingPathComponent("r.jsonl")
        let outcome = try GradingRun(completions, of: problems, in: sandbox, workers: 2).run(to: out) { _, _, _ in true
        }
        #expect(outcome.isComplete && outcome.graded.map(\.index) == [0, 2])
        #expect(outcome.graded.allSatisfy { $0.verdict.outcome == .passed })
        #expect(outcome.ungradable.map(\.task) == ["MBPP/12", "MBPP/13"])
        #expect(outcome.ungradable.allSatisfy { $0.completion == nil && !$0.reason.isEmpty })
        #expect(GradingReport(outcome, of: problems, ks: [1]).missingTasks == 0)

        // Nothing at all is an error.
        let only = try CompletionFile(contentsOf: folder.file("t.jsonl", lines[1]), of: problems)
        let other = folder.url.appendingPathComponent("o.jsonl")
        #expect(throws: EvaluationError.self) {
            try GradingRun(only, of: problems, in: sandbox, workers: 2).run(to: other) { _, _, _ in true }
        }
    }

    @Test func onlyTasksOfTheEvaluatedSplitCountAsMissing() throws {
        let folder = try Folder()
        let rows = [2, 3, 11, 12, 600].map {
            #"{"task_id": \#($0), "text": "", "code": "def f(): return 1", "test_list": ["assert f() == 1"]}"#
        }
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", rows.joined(separator: "\n")))
        var outcome = GradingRun.Outcome()
        outcome.graded = ["MBPP/2", "MBPP/11", "MBPP/600"].map {
            GradedCompletion(index: 0, task: $0, programDigest: "", verdict: Verdict(outcome: .passed))
        }
        let report = GradingReport(outcome, of: problems, ks: [1])
        #expect(report.tasks == 2 && report.missingTasks == 1)
    }
}
