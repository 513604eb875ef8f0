import Foundation
import Testing

@Suite(.serialized) struct StudyKillTests {
    private let fixture: StudyFixture

    init() throws { fixture = try StudyFixture() }

    /// A study that was killed in every kind of stage, alone and with its children, gives the results of an uninterrupted one.
    @Test func killedAnywhereItEndsAsIfItNeverWas() throws {
        let study = try fixture.study(
            steps: 60,
            """
            grid: { seed: [1, 2] }
            arms: { two: {}, onward: { from: two, model.heads: 1, training.steps: 30 } }
            """)
        let arguments = [study, "--threads", "1", "--out"]
        let whole = try Command.run(["study"] + arguments + [fixture.path("whole")])
        #expect(whole.code == 0, "\(whole.errors)")

        // Detected by the newest checkpoint: on a fast machine, the one of a given step exists for a few milliseconds only.
        func checkpoint(_ run: String, _ step: Int) -> () -> Bool {
            { [fixture] in Int(fixture.text("s/runs/\(run)/latest").filter(\.isNumber)) ?? 0 >= step }
        }
        func result(_ run: String, _ part: String) -> () -> Bool {
            { [fixture] in fixture.text("s/results/\(run).json").contains(part) }
        }
        let points: [(String, () -> Bool)] = [
            ("in a training", checkpoint("two_seed-1", 9)),
            ("in its first measurement", result("two_seed-1", "\"steps\": 60")),
            ("in its second", result("two_seed-1", "\"loss\": {")),
            ("in a training that goes on from another", checkpoint("onward_seed-1", 9)),
            ("before the last run", result("onward_seed-2", "\"formatVersion\"")),
        ]
        for (index, (name, isReached)) in points.enumerated() {
            let process = try fixture.start(arguments + [fixture.path("s")])
            #expect(Workplace.wait(until: isReached), "\(name): \(fixture.text("study.err"))")
            if index % 2 == 0 {
                // All at once, as in a power failure.
                for child in fixture.processes where child != process.processIdentifier { kill(child, SIGKILL) }
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal, "\(name) came too late")
        }
        let last = try Command.run(["study"] + arguments + [fixture.path("s")])
        #expect(last.code == 0, "\(last.errors)")
        #expect(try fixture.numbers("s") == fixture.numbers("whole"))
        #expect(fixture.text("s/logs/two_seed-1.log").contains("resuming"))
        #expect(Workplace.wait { fixture.processes.isEmpty })
    }
}
