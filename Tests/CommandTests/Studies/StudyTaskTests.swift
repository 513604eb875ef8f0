import Foundation
import Testing

@Suite(.serialized) struct StudyTaskTests {
    private let fixture: StudyFixture

    init() throws { fixture = try StudyFixture() }

    private func path(_ name: String) -> String { fixture.path(name) }

    private func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    }

    /// A task of the paper and a benchmark, whose interrupted measurements can be resumed.
    @Test func tasksAndProgramsAreMeasuredAndTheirAnswersKept() throws {
        let made = try Command.run(
            "evaluate", "arithmetic", "--write-data", path("task"), "--modulus", "3", "--degree", "2", "--operations",
            "2", "--documents", "400", "--questions", "15")
        #expect(made.code == 0, "\(made.errors)")
        try write(
            """
            data: { train: "\(path("task/train.tokens"))" }
            model: { width: 16, layers: 4, attentionHeads: 2, feedForwardWidth: 32, heads: 2, contextLength: 64 }
            training: { steps: 3, batchSize: 2, checkpointEvery: 0, validationEvery: 0 }
            """, "recipe.yaml")
        let problem = [
            #"{"task_id":"T/0","prompt":"def one():\n","entry_point":"one","#,
            #""test":"def check(f):\n    assert f() == 1\n"}"#,
        ].joined()
        try write(problem + "\n", "Made.Up.jsonl")
        func study(_ heads: String) -> String {
            """
            recipe: recipe.yaml
            grid: { model.heads: \(heads) }
            evaluate:
              - arithmetic
              - code: { problems: "\(path("Made.Up.jsonl"))", samples: 2, k: [1, 2], temperatures: [0.8], maxTokens: 4, unsafeNoSandbox: true }
            axes: { y: made.pass@2 }
            """
        }
        try write(study("[1, 2]"), "study.yaml")
        let result = try Command.run("study", path("study.yaml"), "--out", path("s"), "--threads", "1")
        #expect(result.code == 0, "\(result.errors)")
        let table = fixture.text("s/table.md")
        for title in ["arithmetic inDomain", "arithmetic outOfDomain", "made pass@1", "made pass@2"] {
            #expect(table.contains("| \(title) |"), "\(table)")
        }
        #expect(fixture.text("s/study.svg").contains("made pass@2"))
        let kept = try FileManager.default.contentsOfDirectory(atPath: path("s/results/heads-2")).sorted()
        #expect(kept.count == 3 && kept[0].hasPrefix("arithmetic-") && kept[1].hasSuffix(".graded.jsonl"), "\(kept)")
        // After training again, completions of the old model are not reused.
        let samples = "s/results/heads-2/" + kept[2]
        try write(fixture.text(samples).replacing("\"T/0\"", with: "\"T/9\""), samples)
        try FileManager.default.removeItem(atPath: path("s/runs/heads-2"))
        try FileManager.default.removeItem(atPath: path("s/results/heads-2.json"))
        let again = try Command.run("study", path("study.yaml"), "--out", path("s"), "--threads", "1")
        #expect(again.code == 0, "\(again.errors)")
        #expect(!fixture.text(samples).contains("T/9") && fixture.text(samples).contains("T/0"))
    }

    /// The same folder by another path, during a training that starts from another run.
    @Test func aFolderMayBeSpelledOtherwiseWhenAStudyGoesOn() throws {
        let study = try fixture.study(
            steps: 3, "arms: { two: {}, onward: { from: two, model.heads: 1, training.steps: 600 } }")
        let process = try fixture.start([study, "--out", path("s"), "--threads", "1"])
        #expect(Workplace.wait { fixture.exists("s/runs/onward/latest") })
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let result = try Command.run("study", study, "--out", path("src/../s"), "--threads", "1")
        #expect(result.code == 0, "\(result.errors)")
        #expect(fixture.text("s/logs/onward.log").contains("resuming"))
    }
}
