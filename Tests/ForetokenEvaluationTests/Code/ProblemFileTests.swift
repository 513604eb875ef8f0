import ForetokenFiles
import Foundation
import Testing
import Torch

@testable import ForetokenEvaluation

struct ProblemFileTests {
    private func read(_ text: String) throws -> ProblemFile {
        let folder = try Folder()
        return try ProblemFile(contentsOf: folder.file("p.jsonl", text))
    }

    private func code(_ problem: Problem) throws -> String {
        guard case .calls(_, let code, _) = problem.tests else { return "" }
        return code
    }

    @Test func humanEvalIsReadAndACompletionGoesOnAfterItsPrompt() throws {
        let file = try read(humanEvalText)
        #expect(file.problems.map(\.id) == ["T/0", "T/1"])
        let problem = try #require(file["T/1"])
        #expect(problem.programPrefix == problem.prompt)
        #expect(try code(problem).hasSuffix("check(halve)\n"))
        #expect(problem.truncated("    return 1\n\ndef other():") == "    return 1\n")
        #expect(problem.truncated("    return 1\r\nprint(2)") == "    return 1\r")
        #expect(problem.truncated("    return 1") == "    return 1")
    }

    @Test func aFileCompressedWithGzipReadsAsThePlainOneAndADamagedOneIsRefused() throws {
        let folder = try Folder()
        let plain = try folder.file("p.jsonl", humanEvalText)
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/bin/sh")
        gzip.arguments = ["-c", "gzip -k '\(plain.path)'"]
        try gzip.run()
        gzip.waitUntilExit()
        let packed = folder.url.appendingPathComponent("p.jsonl.gz")
        #expect(try ProblemFile(contentsOf: packed).problems == ProblemFile(contentsOf: plain).problems)
        try Data(contentsOf: packed).dropLast(20).write(to: packed)
        let error = #expect(throws: EvaluationError.self) { try ProblemFile(contentsOf: packed) }
        #expect(error?.description.contains("p.jsonl.gz") == true)
    }

    @Test func mbppShowsItsExamplesFirstAndMarksItsTestSplit() throws {
        func line(_ number: Int) -> String {
            #"{"task_id": \#(number), "text": "Task \#(number).", "code": "def f(): return \#(number)", "test_list": ["assert f() == \#(number)"], "test_setup_code": "import math", "challenge_test_list": []}"#
        }
        let file = try read([2, 3, 11, 600].map(line).joined(separator: "\n"))
        let problem = try #require(file["Mbpp/11"])
        #expect(problem == file["11"])
        #expect(problem.prompt.components(separatedBy: "[DONE]").count == 3)
        #expect(problem.prompt.hasSuffix("Task 11. Your code should pass these tests:\n\nassert f() == 11\n[BEGIN]\n"))
        #expect(try code(problem) == "import math\nassert f() == 11")
        #expect(file.problems.map(\.isEvaluated) == [false, false, true, false])
        let sanitized = try read(
            #"{"task_id": 9, "prompt": "Task.", "code": "", "test_imports": ["import math"], "test_list": ["assert f()"]}"#
        )
        #expect(sanitized.problems[0].isEvaluated)
        #expect(try code(sanitized.problems[0]) == "import math\nassert f()")
    }

    @Test func appsAndCodeContestsBecomeTextsInAndOutOrCalls() throws {
        let file = try read(
            #"""
            {"problem_id": 7, "question": "Add.", "starter_code": "", "input_output": "{\"inputs\": [\"1 2\\n\", [\"3\", \"4\"]], \"outputs\": [\"3\\n\", \"7\"]}", "solutions": "[\"print(3)\"]"}
            {"problem_id": 8, "question": "Add.", "starter_code": "def add(a, b):", "input_output": "{\"fn_name\": \"add\", \"inputs\": [[1, 2]], \"outputs\": [3]}", "solutions": ""}
            {"name": "c", "description": "Add.", "public_tests": {"input": ["1 2"], "output": ["3"]}, "private_tests": {"input": [], "output": []}, "solutions": {"language": [2, 3], "solution": ["int", "print(3)"]}}
            """#)
        #expect(
            file.problems[0].tests
                == .inputOutput([.init(input: "1 2\n", output: "3\n"), .init(input: "3\n4", output: "7")], .lines))
        let prompt = file.problems[0].prompt
        #expect(prompt.hasSuffix(")\n\nQUESTION:\nAdd.\nUse Standard Input format\nANSWER:\n"))
        #expect(prompt.components(separatedBy: "QUESTION:").count == 4 && !prompt.contains("Call-Based"))
        #expect(file.problems[0].reference == "print(3)")
        let calling = file.problems[1].prompt
        #expect(calling.hasSuffix("\nQUESTION:\nAdd.\ndef add(a, b):\nUse Call-Based format\nANSWER:\n"))
        #expect(calling.components(separatedBy: "QUESTION:").count == 4 && !calling.contains("Standard Input"))
        #expect(file.problems[2].tests == .inputOutput([.init(input: "1 2", output: "3")]))
        #expect(file.problems[2].reference == "print(3)" && file.problems[2].prompt.contains("# correct"))
    }

    /// Each example's answer passes the test of its own question, written as a problem of the benchmark.
    @Test(
        .enabled(if: Sandboxes.exists, Sandboxes.need),
        arguments: [
            (false, 0, #"{"inputs": ["4\n3 8 5 2\n"], "outputs": ["6\n"]}"#),
            (false, 1, #"{"inputs": ["2\naabb\nabc\n"], "outputs": ["2\n0\n"]}"#),
            (true, 0, #"{"fn_name": "sum_of_squares", "inputs": [[[1, -2, 3]]], "outputs": [10]}"#),
            (true, 1, #"{"fn_name": "isPalindrome", "inputs": [["Never odd or even"]], "outputs": [true]}"#),
        ])
    func theAnswersOfTheExamplesInPromptsOfAPPSAreRight(isCallBased: Bool, index: Int, cases: String) throws {
        let example = (isCallBased ? APPSPrompt.callBased : APPSPrompt.standardInput)[index]
        let line: JSONValue = ["problem_id": 1, "question": "", "input_output": .string(cases)]
        let problem = try read(line.text()).problems[0]
        let verdict = try Sandboxes.grader().verdict(on: example.answer, problem)
        #expect(verdict.outcome == .passed, "\(verdict)")
        // A completion is truncated where the next question starts, not before.
        #expect(problem.truncated(example.answer + "\n\nQUESTION:\n") == example.answer + "\n")
    }

    @Test(
        .enabled(if: Sandboxes.exists, Sandboxes.need),
        arguments: [
            (
                #"{"problem_id": 8, "question": "", "input_output": "{\"fn_name\": \"add\", \"inputs\": [[1, 2], [\"\\\"é\", \"\\n\"]], \"outputs\": [[3], \"\\\"é\\n\"]}"}"#,
                "class Solution:\n    def add(self, a, b): return a + b", "def add(a, b): return 3"
            ),
            (
                #"{"task_id": "E/1", "prompt": "def third(x):\n    \"\"\"A third.\"\"\"\n", "entry_point": "third", "canonical_solution": "    return [x / 3]\n", "base_input": [[1]], "plus_input": [[2], [1e300]], "atol": 1e-6}"#,
                "def third(x): return [x * (1 / 3)]", "def third(x): return [1 / 3]"
            ),
        ])
    func callsOfAPPSAndEvalPlusPassRightProgramsAndFailOthers(line: String, right: String, wrong: String)
        throws
    {
        let problem = try read(line).problems[0]
        let grader = try Sandboxes.grader()
        let verdict = try grader.verdict(on: right, problem)
        #expect(verdict.outcome == .passed, "\(verdict)")
        #expect(try grader.verdict(on: wrong, problem).outcome == .failed)
    }

    @Test(arguments: [
        "", "[]", "{}", "{", "{\"task_id\": 1}", "\u{FEFF}{}",
        #"{"task_id": 1, "test_list": 3, "code": "", "text": ""}"#,
        #"{"task_id": "x", "prompt": "", "entry_point": "a; import os", "test": ""}"#,
        #"{"name": "x", "description": "", "public_tests": {"input": ["1"], "output": []}}"#,
        #"{"problem_id": 1, "question": "", "input_output": "{"}"#,
    ])
    func aFileThatIsNoneIsRefusedByNameAndLine(text: String) throws {
        let error = #expect(throws: EvaluationError.self) { try read(text) }
        #expect(error?.description.contains("p.jsonl") == true)
    }

    @Test func aTaskThatComesTwiceAMissingFileAndAFolderAreRefused() throws {
        #expect(throws: EvaluationError.self) { try read(humanEvalText + humanEvalText) }
        #expect(throws: EvaluationError.self) { try ProblemFile(contentsOf: URL(fileURLWithPath: "/no/such/file")) }
        #expect(throws: EvaluationError.self) { try ProblemFile(contentsOf: URL(fileURLWithPath: "/usr")) }
    }

    @Test func aLineHasACompletionOrAWholeProgramOfAKnownTask() throws {
        let folder = try Folder()
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", humanEvalText))
        let file = try CompletionFile(
            contentsOf: folder.file(
                "s.jsonl", #"{"task_id": "T/0", "completion": "    pass"}\#n{"task_id": "t/1", "solution": "x = 1"}"#),
            of: problems)
        #expect(file.completions.map(\.program) == [problems.problems[0].prompt + "    pass", "x = 1"])
        for bad in [#"{"task_id": "T/9", "completion": ""}"#, #"{"task_id": "T/0"}"#, ""] {
            #expect(throws: EvaluationError.self) {
                try CompletionFile(contentsOf: folder.file("b.jsonl", bad), of: problems)
            }
        }
    }

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["FORETOKEN_HUMANEVAL"] != nil && Sandboxes.exists,
            "set FORETOKEN_HUMANEVAL to HumanEval.jsonl.gz"))
    func allReferenceSolutionsOfHumanEvalPassAndNoEmptyBodyDoes() throws {
        let path = try #require(ProcessInfo.processInfo.environment["FORETOKEN_HUMANEVAL"])
        let grader = try Sandboxes.grader()
        for problem in try ProblemFile(contentsOf: URL(fileURLWithPath: path)).problems {
            let program = problem.programPrefix + (try #require(problem.reference))
            #expect(try grader.verdict(on: program, problem, seconds: 20).outcome == .passed, "\(problem.id)")
            let empty = try grader.verdict(on: problem.programPrefix + "    pass\n", problem, seconds: 20)
            #expect(empty.outcome == .failed, "\(problem.id)")
        }
    }
}
