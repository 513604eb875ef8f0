import Foundation
import Testing

@testable import ForetokenEvaluation

/// What program and tests exchange behaves as if both ran in one namespace; what a program could use to answer for the tests does
/// not.
@Suite(.enabled(if: Sandboxes.exists, Sandboxes.need), .serialized)
struct ExchangeTests {
    @Test func theFilesHaveTheirCases() {
        #expect(ProgramCase.exchanges.count >= 48)
        #expect(ProgramCase.hostile.count >= 80)
    }

    /// The same in one namespace, by the interpreter alone: what the cases are compared with.
    @Test(arguments: ProgramCase.exchanges)
    func aCaseOfTheFilePassesInOneNamespace(program: ProgramCase) throws {
        let both = "g = {}\nexec(\(try python(program.program)), g)\nexec(\(try python(program.tests)), g)"
        let found = try ChildProcess.output(
            of: [try #require(Sandboxes.working).python, "-c", both], limit: 1 << 16, deadline: .now + .seconds(60))
        #expect(found.status == 0, "\(String(decoding: found.errors, as: UTF8.self))")
    }

    @Test(arguments: ProgramCase.exchanges)
    func whatPassesInOneNamespacePassesInTwoProcesses(program: ProgramCase) throws {
        let problem = Problem(
            id: "x", prompt: "", tests: .calls(setup: "", code: program.tests, entryPoint: nil),
            reference: program.program)
        let verdict = try Sandboxes.grader().verdict(on: program.program, problem)
        #expect(verdict.outcome == .passed, "\(verdict)")
    }

    @Test(arguments: ProgramCase.hostile)
    func noProgramAnswersForTheTests(program: ProgramCase) throws {
        let problem = Problem(
            id: "add", prompt: "", tests: .calls(setup: "", code: program.tests, entryPoint: "add"))
        let verdict = try Sandboxes.grader().verdict(on: program.program, problem, seconds: 2)
        #expect(verdict.outcome != .passed, "\(verdict)")
    }

    /// A program's helper that happens to be named like a builtin does not change the tests; the function under test may be named
    /// so (MBPP's task 126 is `sum`).
    @Test func namesOfTheReferenceAreTheProgramsAndOthersTheInterpreters() throws {
        let program =
            "def sum(a, b): return a + b\ndef len(x): return 0\nfrom math import isclose\nisclose = lambda a, b: True"
        func verdict(_ code: String) throws -> Verdict.Outcome {
            let problem = Problem(
                id: "x", prompt: "", tests: .calls(setup: "", code: code, entryPoint: nil),
                reference: "from math import isclose\ndef sum(a, b): return a + b")
            return try Sandboxes.grader().verdict(on: program, problem).outcome
        }
        #expect(try verdict("assert sum(2, 3) == 5 and len('ab') == 2") == .passed)
        #expect(try verdict("assert not isclose(sum(2, 3), 6)") == .passed)
    }

    @Test func aModuleThatTheTestsUseAndTheProgramDoesNotImportIsMissingAsInOneNamespace() throws {
        let problem = Problem(
            id: "x", prompt: "", tests: .calls(setup: "", code: "assert math.isclose(f(), 1)", entryPoint: nil),
            reference: "import math\ndef f(): return 1.0")
        let grader = try Sandboxes.grader()
        #expect(try grader.verdict(on: "import math\ndef f(): return 1.0", problem).outcome == .passed)
        let verdict = try grader.verdict(on: "def f(): return 1.0", problem)
        #expect(verdict.outcome == .failed && verdict.reason.contains("math"), "\(verdict)")
    }
}
