import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenEvaluation

struct MBPPTests {
    private func read(_ text: String) throws -> ProblemFile {
        // The folder is removed with its owner.
        let folder = try Folder()
        return try withExtendedLifetime(folder) { try ProblemFile(contentsOf: folder.file("p.json", text)) }
    }

    private func code(_ problem: Problem) -> String {
        guard case .calls(_, let code, _) = problem.tests else { return "" }
        return code
    }

    private static let row =
        #"{"task_id": 12, "prompt": "Task.", "code": "class N: pass\ndef f(): return N", "test_imports": ["import math"], "test_list": ["assert f() is N", "assert f()"]}"#

    /// The sanitised file is one array.
    @Test(arguments: [
        "[\(row)]",
        "\n [ \n\(row)\n , {\"task_id\": 13, \"prompt\": \"]},\\\"\", \"code\": \"\", \"test_list\": []}\n]\n",
    ])
    func anArrayIsReadAsLinesAre(text: String) throws {
        let file = try read(text)
        #expect(file["MBPP/12"]?.tests == (try read(Self.row)).problems[0].tests)
        #expect(file.problems[0].prompt.contains("Task.") && file.problems.count == (text.contains("13") ? 2 : 1))
    }

    @Test(arguments: [
        ("[\(row)", 1), ("[\(row),\n\(row)]", 2), ("[\(row)] x", 1), ("[\n\n{\"task_id\": 1}]", 3), ("[3]", 1),
        ("[\(row),", 1),
        ("[\"\\", 1), ("[", 1),
    ])
    func aDamagedArrayIsRefusedByLine(text: String, line: Int) throws {
        let error = #expect(throws: EvaluationError.self) { try read(text) }
        #expect(error?.description.contains("p.json: line \(line): ") == true, "\(String(describing: error))")
    }

    @Test func setupAndImportsComeBeforeTheTests() throws {
        let file = try read(
            #"{"task_id": 1, "text": "", "code": "", "test_setup_code": "root = N()", "test_imports": ["import re"], "test_list": ["assert 1"]}"#
        )
        #expect(code(file.problems[0]) == "root = N()\nimport re\nassert 1")
    }

    @Test func theWholeOracleOfARowCountsAndThePromptShowsTheList() throws {
        let file = try read(
            #"{"task_id": 1, "prompt": "Say.", "code": "def f(): return 2", "test_imports": [], "test_list": ["assert f() == 1"], "test": "for x in [2]:\n    assert f() == x"}"#
        )
        #expect(code(file.problems[0]) == "for x in [2]:\n    assert f() == x")
        #expect(file.problems[0].prompt.contains("assert f() == 1"))
    }

    @Test(.enabled(if: Sandboxes.exists, Sandboxes.need))
    func testsThatNeedAMissingLibraryAreAFaultAndNoFailureOfTheProgram() throws {
        let problem = Problem(
            id: "x", prompt: "",
            tests: .calls(setup: "", code: "import no_such_library\nassert f() == 1", entryPoint: nil))
        let grader = try Sandboxes.grader()
        #expect(throws: Grader.Fault.self) { try grader.verdict(on: "def f(): return 1", problem) }
        var own = problem
        own.tests = .calls(setup: "", code: "assert f() == 1", entryPoint: nil)
        let program = "def f(): import no_such_library"
        #expect(try grader.verdict(on: program, own).outcome == .failed)
    }

    /// Opt-in: FORETOKEN_MBPP names the full or the sanitised file. The references pass in one namespace, too.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["FORETOKEN_MBPP"] != nil && Sandboxes.exists,
            "set FORETOKEN_MBPP to mbpp.jsonl or sanitized-mbpp.json"))
    func allReferenceSolutionsPassAndNoEmptyProgramDoes() throws {
        let path = try #require(ProcessInfo.processInfo.environment["FORETOKEN_MBPP"])
        let grader = try Sandboxes.grader()
        for problem in try ProblemFile(contentsOf: URL(fileURLWithPath: path)).problems {
            let verdict = try grader.verdict(on: try #require(problem.reference), problem, seconds: 20)
            #expect(verdict.outcome == .passed, "\(problem.id): \(verdict)")
            #expect(try grader.verdict(on: "pass\n", problem, seconds: 20).outcome == .failed, "\(problem.id)")
        }
    }
}
