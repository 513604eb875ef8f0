import Foundation
import Testing

@testable import ForetokenEvaluation

struct CompletionFileTests {
    private func file(_ lines: String...) throws -> CompletionFile {
        let folder = try Folder()
        let problems = try ProblemFile(contentsOf: folder.file("p.jsonl", humanEvalText))
        return try CompletionFile(
            contentsOf: folder.file("s.jsonl", lines.joined(separator: "\n") + "\n"), of: problems)
    }

    @Test func aSolutionCountsWhereALineHasBoth() throws {
        let found = try file(#"{"task_id": "T/0", "completion": "    pass", "solution": "x = 1"}"#)
        #expect(found.completions.map(\.program) == ["x = 1"])
    }

    @Test func notEveryTaskNeedsACompletionAndUnknownTasksAreLeftOut() throws {
        let found = try file(
            #"{"task_id": "X/0", "completion": ""}"#, #"{"task_id": "T/1", "solution": "x"}"#,
            #"{"task_id": "X/1", "solution": ""}"#)
        #expect(found.completions.map(\.task) == ["T/1"])
        #expect(found.unknownTasks == ["X/0", "X/1"])
    }

    @Test(arguments: [
        #"{"task_id": "T/0", "completion": 5}"#, #"{"task_id": "T/0", "completion": null}"#,
        #"{"task_id": "T/0", "solution": ["x", "y"]}"#, #"{"task_id": "T/0", "solution": {}}"#,
        #"{"task_id": "T/0", "completion": ["x"], "solution": "x"}"#, #"{"task_id": "X/9", "solution": 1}"#,
        #"{"task_id": "T/0"}"#, #"{"completion": ""}"#, #"{"task_id": "T/0", "completion": "    ret"#, "[]", "3",
    ])
    func aCompletionThatIsNoTextIsAnErrorWithItsLine(line: String) throws {
        let error = #expect(throws: EvaluationError.self) {
            try file(#"{"task_id": "T/0", "completion": ""}"#, line)
        }
        #expect(error?.description.contains("s.jsonl: line 2: ") == true, "\(String(describing: error))")
    }

    /// `~` is a newline.
    @Test(arguments: [
        ("    return 1~", "    return 1~"),
        ("```python~def f(): pass~```~", "def f(): pass~"),
        ("```~def f(): pass~```", "def f(): pass~"),
        ("Here it is:~~```py~def f(): pass~```~It works.~```~f()~```", "def f(): pass~"),
        ("Here:~```~def f(): pass~```~Done.", "def f(): pass~"),
        ("    return 1~```~That is all.", "    return 1~"),
        ("    return 1~```~For example:~```~f()~```", "    return 1~"),
        ("~  ```Python~def f(): pass", "def f(): pass~"),
        ("    '''~    ```~    f()~    ```~    '''~", "    '''~    ```~    f()~    ```~    '''~"),
        ("x = '``'~", "x = '``'~"),
        ("```python~", "~"),
        ("", ""),
    ])
    func aFenceOfMarkdownIsRemovedByItsRule(text: String, program: String) {
        let contents = MarkdownFence.contents(of: text.replacingOccurrences(of: "~", with: "\n"))
        #expect(contents.replacingOccurrences(of: "\n", with: "~") == program)
    }

    @Test func theProgramIsWhatWasInTheFence() throws {
        let found = try file(
            #"{"task_id": "T/0", "completion": "    return a\n```\nText"}"#,
            #"{"task_id": "T/0", "solution": "Sure:\n```python\nx = 1\n```"}"#)
        #expect(found.completions[0].program.hasSuffix("\n    return a\n"))
        #expect(found.completions[1].program == "x = 1\n")
    }
}
