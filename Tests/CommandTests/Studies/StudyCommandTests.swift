import Foundation
import Testing

@Suite(.serialized) struct StudyCommandTests {
    private let fixture: StudyFixture

    init() throws { fixture = try StudyFixture() }

    private func path(_ name: String) -> String { fixture.path(name) }

    private let arms = """
        grid: { seed: [1, 2] }
        arms:
          two: {}
          one: { model.heads: 1 }
          onward: { from: two, model.heads: 1, training.steps: 4 }
        axes: { series: arm, x: model.heads }
        """

    @Test func aStudyTrainsMeasuresComparesAndKeepsWhatItHas() throws {
        let study = try fixture.study(steps: 6, arms)
        let plan = try Command.run("study", study, "--dry-run")
        #expect(plan.code == 0 && plan.output.contains("onward_seed-2"), "\(plan.errors)")
        #expect(plan.output.contains("6 runs, 4.1k tokens") && plan.output.contains("after each: loss, decoding"))
        let json = try Command.run("study", study, "--dry-run", "--json")
        #expect(json.output.contains("\"from\":\"two_seed-1\"") && json.output.contains("\"predictedBytes\":"))

        let result = try Command.run("study", study, "--out", path("s"), "--jobs", "2", "--threads", "1")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("bits/byte") && result.output.contains("onward"), "\(result.output)")
        let table = fixture.text("s/table.md")
        #expect(
            table.contains("| two | 2 | ") && table.contains("| onward | 2 | ") && table.contains(" ± "), "\(table)")
        let svg = fixture.text("s/study.svg")
        #expect(svg.contains("data-s=\"two\"") && svg.contains("data-s=\"onward\"") && svg.contains("class=\"e\""))
        // Equal to the results of `train` and `evaluate`.
        let trained = try Command.run(
            "train", path("recipe.yaml"), "--out", path("alone"), "--set", "training.steps=6", "--set", "seed=2",
            "--set", "training.threads=1")
        #expect(trained.code == 0, "\(trained.errors)")
        let model = "checkpoints/step-000006/model.safetensors"
        let alone = try Data(contentsOf: URL(fileURLWithPath: path("alone/" + model)))
        let studied = try Data(contentsOf: URL(fileURLWithPath: path("s/runs/two_seed-2/" + model)))
        #expect(alone == studied)
        #expect(fixture.text("s/logs/onward_seed-1.log").contains("head 1 taken over, head 2 left out"))

        // No run is repeated; another seed adds runs.
        let before = fixture.text("s/results/two_seed-1.json")
        let again = try Command.run("study", study, "--out", path("s"), "--json")
        #expect(again.code == 0 && again.errors.contains("6 of 6 runs are done already"), "\(again.errors)")
        let last = try #require(again.output.split(separator: "\n").last)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(last.utf8)) }
        let more = try fixture.study(steps: 6, arms.replacing("[1, 2]", with: "[1, 2, 3]"))
        let grown = try Command.run("study", more, "--out", path("s"))
        #expect(grown.code == 0 && grown.errors.contains("[9/9]"), "\(grown.errors)")
        #expect(fixture.text("s/results/two_seed-1.json") == before)
        #expect(fixture.text("s/table.md").contains("| two | 3 | "))
    }

    /// A run folder that the study did not create is not changed; a run that it started itself can restart with another recipe.
    @Test func runsOfAnotherHandStayAndOwnBeginningsAreMadeAnew() throws {
        let study = try fixture.study(steps: 3, "arms: { one: { model.heads: 1 } }")
        let run = path("s/runs/one")
        for checkpoint in ["checkpoints/step-000100", "checkpoints/.git"] {
            try FileManager.default.createDirectory(
                atPath: run + "/" + checkpoint, withIntermediateDirectories: true)
        }
        let files = [
            "recipe.yaml", "metrics.jsonl", "notes.txt", "checkpoints/step-000100/model.safetensors",
            "checkpoints/.git/x",
        ]
        for hasCheckpoint in [true, false] {
            for name in files where hasCheckpoint || !name.contains("step") {
                try Data("training: {steps: 9}\n".utf8).write(to: URL(fileURLWithPath: run + "/" + name))
            }
            // Twice: what the first attempt records does not make the folder the study's.
            for _ in 0..<2 { #expect(try Command.run("study", study, "--out", path("s")).code != 0) }
            for name in files where hasCheckpoint || !name.contains("step") {
                #expect(fixture.text("s/runs/one/" + name) == "training: {steps: 9}\n", "\(name)")
            }
            try? FileManager.default.removeItem(atPath: run + "/checkpoints/step-000100")
        }
        try FileManager.default.removeItem(atPath: path("s"))
        // Started by the study with another number of steps, and killed before the first checkpoint.
        #expect(try Command.run("study", study, "--out", path("s")).code == 0)
        for name in ["checkpoints", "latest"] { try FileManager.default.removeItem(atPath: run + "/" + name) }
        try FileManager.default.removeItem(atPath: path("s/results/one.json"))
        let other = try fixture.study(steps: 3, "arms: { one: { model.heads: 1, training.clip: 0.5 } }")
        let made = try Command.run("study", other, "--out", path("s"))
        #expect(made.code == 0, "\(made.errors)")
        #expect(fixture.text("s/runs/one/recipe.yaml").contains("clip: 0.5"))
    }

    @Test func changedRunsAreNamedAndOtherMeasurementsAreMadeAnew() throws {
        let study = try fixture.study(steps: 3, "arms: { two: {}, one: { model.heads: 1 } }")
        #expect(try Command.run("study", study, "--out", path("s")).code == 0)
        let changed = try fixture.study(steps: 3, "arms: { two: {}, one: { model.heads: 1, training.clip: 0.5 } }")
        let refused = try Command.run("study", changed, "--out", path("s"))
        #expect(refused.code == 1, "\(refused.output)")
        #expect(refused.errors.contains("one (training.clip); restore the old values"), "\(refused.errors)")
        #expect(!refused.errors.contains("two ("))
        // The remedy in the error.
        try FileManager.default.removeItem(atPath: path("s/runs/one"))
        try FileManager.default.removeItem(atPath: path("s/results/one.json"))
        let made = try Command.run("study", changed, "--out", path("s"))
        #expect(made.code == 0 && made.errors.contains("1 of 2 runs are done already"), "\(made.errors)")
        // Other settings of a measurement: it is repeated, the training is not.
        let text = fixture.text("study.yaml").replacing("batches: 2", with: "batches: 1")
        try Data(text.utf8).write(to: URL(fileURLWithPath: path("study.yaml")))
        let log = fixture.text("s/results/two.json")
        let measured = try Command.run("study", path("study.yaml"), "--out", path("s"))
        #expect(measured.code == 0 && measured.errors.contains("[2/2]"), "\(measured.errors)")
        #expect(fixture.text("s/results/two.json") != log)
    }

    /// A release whose recipes have an additional key writes other digests for the same runs.
    @Test func runsOfAnotherReleaseAreKept() throws {
        let study = try fixture.study(
            steps: 3, "arms: { two: {}, onward: { from: two, training.steps: 2 }, one: { model.heads: 1 } }")
        #expect(try Command.run("study", study, "--out", path("s")).code == 0)
        for name in ["two", "onward", "one"] {
            let result = fixture.text("s/results/\(name).json").replacing(
                /"digest": ?"[0-9a-f]{64}"/, with: "\"digest\": \"other\"", maxReplacements: 1)
            #expect(result.contains("other"))
            try Data(result.utf8).write(to: URL(fileURLWithPath: path("s/results/\(name).json")))
            // Removes a key of this release.
            let recipe = fixture.text("s/recipes/\(name).yaml").split(separator: "\n").filter {
                !$0.contains("softTargets") && !$0.contains("precision")
            }
            try Data(recipe.joined(separator: "\n").utf8).write(
                to: URL(fileURLWithPath: path("s/recipes/\(name).yaml")))
        }
        let again = try Command.run("study", study, "--out", path("s"))
        #expect(again.code == 0 && again.errors.contains("3 of 3 runs are done already"), "\(again.errors)")
    }

    @Test func aFailedRunIsNamedAndTheOthersGoOn() throws {
        // More memory than any machine has, so training fails.
        let arms = """
            arms:
              huge: { model.width: 65536, model.feedForwardWidth: 1048576 }
              after: { from: huge }
              two: {}
            """
        let study = try fixture.study(steps: 3, arms)
        let result = try Command.run("study", study, "--out", path("s"))
        #expect(result.code == 1, "\(result.output)")
        #expect(result.errors.contains("2 of 3 runs failed, the others are done"), "\(result.errors)")
        #expect(result.errors.contains("huge: train: out of memory: a step needs"), "\(result.errors)")
        #expect(result.errors.contains("after: starts from huge, which failed"), "\(result.errors)")
        #expect(
            fixture.text("s/table.md").contains("Failed: after, huge.")
                && fixture.text("s/table.md").contains("| two |"))
        // Missing data is reported before training starts.
        let missing = try Command.run("study", study, "--out", path("t"), "--set", "data.train=nowhere.tokens")
        #expect(missing.code == 1 && missing.errors.contains("nowhere.tokens: no such file"), "\(missing.errors)")
        #expect(try Command.run("study", study).code == 64)
    }

    @Test func timeAndSignalsStopAStudyThatGoesOnLater() throws {
        let study = try fixture.study(steps: 1_000_000, "grid: { seed: [1, 2] }")
        let late = try Command.run("study", study, "--out", path("s"), "--stop-after", "0")
        #expect(late.code == 0 && late.errors.contains("the time is over after 0 runs"), "\(late.errors)")
        let process = try fixture.start([study, "--out", path("s"), "--jobs", "2", "--threads", "1"])
        #expect(Workplace.wait { (1...2).allSatisfy { fixture.exists("s/runs/seed-\($0)/latest") } })
        // Another study in the same folder fails with a message.
        let second = try Command.run("study", study, "--out", path("s"))
        #expect(second.code == 1 && second.errors.contains("in use by process \(process.processIdentifier)"))
        kill(process.processIdentifier, SIGINT)
        #expect(Workplace.wait { !process.isRunning })
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130, "\(fixture.text("study.err"))")
        #expect(fixture.processes.isEmpty)
        for seed in 1...2 { #expect(fixture.text("s/logs/seed-\(seed).log").contains("the same command resumes")) }
        // Resumes, and reaches the time limit during the trainings: within twelve seconds both must have started again, which
        // takes one second on an idle machine.
        let begin = fixture.text("s/runs/seed-1/latest")
        let onward = try Command.run(
            "study", study, "--out", path("s"), "--jobs", "2", "--threads", "1", "--stop-after", "0.2")
        #expect(onward.code == 0 && onward.errors.contains("the time is over"), "\(onward.errors)")
        #expect(fixture.text("s/logs/seed-1.log").contains("resuming"))
        #expect(fixture.text("s/runs/seed-1/latest") > begin)
        #expect(fixture.text("s/table.md").contains("0 of 2 runs are done."))
    }

    /// When the study is killed, its trainings save a checkpoint and exit; a new start waits for them.
    @Test func trainingsEndWithTheStudyThatStartedThem() throws {
        let study = try fixture.study(steps: 1_000_000, "grid: { seed: [1, 2] }")
        let process = try fixture.start([study, "--out", path("s"), "--jobs", "2", "--threads", "1"])
        #expect(Workplace.wait { (1...2).allSatisfy { fixture.exists("s/runs/seed-\($0)/latest") } })
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let next = try Command.run("study", study, "--out", path("s"), "--stop-after", "0")
        #expect(next.code == 0, "\(next.errors)")
        #expect(fixture.processes.isEmpty)
        for seed in 1...2 { #expect(fixture.text("s/logs/seed-\(seed).log").contains("the same command resumes")) }
    }
}
