import Foundation
import Testing

/// Training with several processes gives the same run as with one.
@Suite(.serialized) struct DistributedTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private func train(_ recipe: String, _ run: String, processes: Int, _ more: String...) throws -> Command.Result {
        try Command.run(["train", recipe, "--out", place.path(run), "--processes", "\(processes)"] + more)
    }

    /// Fifty steps with clipping, document boundaries and validation. Float32 sums are in another order, which changes losses and
    /// norms by 1.5e-7 at the first step and by at most 1.5e-6 after fifty steps (ten seeds).
    @Test func oneTwoAndFourProcessesGiveTheSameLosses() throws {
        let recipe = try place.sharedRecipe(steps: 50)
        for ranks in [1, 2, 4] {
            let result = try train(recipe, "run-\(ranks)", processes: ranks, "--json")
            #expect(result.code == 0, "\(result.errors)")
            #expect(result.output.contains("\"outcome\":\"finished\""), "\(result.output)")
            #expect(result.errors.contains("step 50/50"))
        }
        for kind in ["train", "validation"] {
            let one = try place.curve("run-1", kind: kind)
            #expect(one.count == (kind == "train" ? 50 : 1))
            for ranks in [2, 4] {
                let found = difference(one, try place.curve("run-\(ranks)", kind: kind))
                #expect(found < 1e-5, "\(ranks) ranks: \(found)")
                // At the first step the weights are equal; only the order of sums differs.
                let first = difference(
                    Array(one.prefix(1)), try Array(place.curve("run-\(ranks)", kind: kind).prefix(1)))
                #expect(kind == "validation" || first < 1e-6, "\(first)")
            }
        }
    }

    /// A checkpoint does not depend on the number of processes; another number resumes from it with the same data order.
    @Test func aRunResumesWithAnotherNumberOfProcesses() throws {
        let recipe = try place.sharedRecipe(steps: 6)
        #expect(try train(recipe, "whole", processes: 1).code == 0)
        #expect(try train(recipe, "run", processes: 3).code == 0)
        for (step, ranks) in [("000006", 2), ("000006", 1)] {
            // Resumes from the earlier checkpoint with another number of processes.
            try FileManager.default.removeItem(atPath: place.path("run/checkpoints/step-\(step)"))
            let resumed = try train(recipe, "run", processes: ranks)
            #expect(resumed.code == 0 && resumed.errors.contains("resuming"), "\(resumed.errors)")
        }
        #expect(difference(try place.curve("whole"), try place.curve("run")) < 1e-5)
    }

    @Test func aSignalIsPassedOnAndStopsAllRanksAtOneCheckpoint() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: place.path("e"))
        let process = try Command.start(
            ["train", recipe, "--out", place.path("run"), "--processes", "2"],
            output: URL(fileURLWithPath: place.path("o")), errors: errors)
        #expect(Workplace.wait { FileManager.default.fileExists(atPath: place.path("run/latest")) })
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(try String(contentsOf: errors, encoding: .utf8).contains("interrupted after step"))
    }

    /// Ranks that have just been started, that are loading LibTorch, and that are joining.
    @Test(arguments: [0, 0.05, 0.1, 0.2]) func aSignalAtTheStartIsAnInterruptionToo(seconds: Double) throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: place.path("e"))
        let process = try Command.start(
            ["train", recipe, "--out", place.path("run"), "--processes", "2"],
            output: URL(fileURLWithPath: place.path("o")), errors: errors)
        #expect(Workplace.wait { (try? Command.children(of: process))?.isEmpty == false })
        Thread.sleep(forTimeInterval: seconds)
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        let text = try String(contentsOf: errors, encoding: .utf8)
        #expect(process.terminationStatus == 130 && text.contains("interrupted after step"), "\(text)")
        #expect(try train(recipe, "run", processes: 1, "--stop-after", "0").errors.contains("after step"))
    }

    /// Ctrl-Z and, after more than the heartbeat timeout, `fg`.
    @Test func aRunThatIsStoppedGoesOnWhenItIsContinued() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: place.path("e"))
        let process = try Command.start(
            ["train", recipe, "--out", place.path("run"), "--processes", "2", "--timeout", "4"],
            output: URL(fileURLWithPath: place.path("o")), errors: errors)
        #expect(Workplace.wait { FileManager.default.fileExists(atPath: place.path("run/latest")) })
        let all = try [process.processIdentifier] + Command.children(of: process)
        func areStopped() -> Bool {
            all.allSatisfy { process in
                (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?.contains(") T ") == true
            }
        }
        for seconds in [0.1, 6] {
            kill(process.processIdentifier, SIGTSTP)
            #expect(Workplace.wait(until: areStopped))
            let steps = try place.curve("run").count
            Thread.sleep(forTimeInterval: seconds)
            #expect(try place.curve("run").count == steps)
            kill(process.processIdentifier, SIGCONT)
            #expect(Workplace.wait { (try? place.curve("run").count) ?? 0 > steps + 20 })
        }
        // To end a stopped run, the shell continues it.
        kill(process.processIdentifier, SIGTSTP)
        #expect(Workplace.wait(until: areStopped))
        for number in [SIGTERM, SIGCONT] { kill(process.processIdentifier, number) }
        process.waitUntilExit()
        let text = try String(contentsOf: errors, encoding: .utf8)
        #expect(process.terminationStatus == 130 && !text.contains("Error"), "\(text)")
    }

    @Test func theTraceShowsGradientsOnTheirWayDuringTheBackwardPass() throws {
        let recipe = try place.sharedRecipe(steps: 4)
        // Heads of at least 1 MB, whose gradients are reduced separately.
        let result = try train(
            recipe, "run", processes: 2, "--trace", place.path("trace.json"), "--set", "model.width=256", "--set",
            "model.feedForwardWidth=512", "--set", "model.heads=3")
        #expect(result.code == 0 && result.errors.contains("behind the backward pass"), "\(result.errors)")
        let data = try Data(contentsOf: URL(fileURLWithPath: place.path("trace.json")))
        let events = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        func times(_ prefix: String) throws -> [(begin: Double, end: Double)] {
            try events.filter { ($0["name"] as? String)?.hasPrefix(prefix) == true }.map {
                let begin = try #require($0["ts"] as? Double)
                return (begin, begin + (try #require($0["dur"] as? Double)))
            }
        }
        let passes = try times("forward and backward")
        let first = try times("reduce bucket 0")
        #expect(passes.count == 4 && first.count == 4)
        for (pass, reduce) in zip(passes, first) { #expect(reduce.begin > pass.begin && reduce.begin < pass.end) }
    }

    /// torchrun, from a Python given by the contributor.
    @Test(.enabled(if: torchrun != nil, "set FORETOKEN_PYTHON to a Python with torch to run torchrun"))
    func torchrunStartsTheRanks() throws {
        let recipe = try place.sharedRecipe(steps: 6)
        let result = try Command.shell(
            "exec '\(Self.torchrun ?? "")' --standalone --no-python --nproc-per-node 2 $F train '\(recipe)' --out '\(place.path("run"))'"
        )
        #expect(result.code == 0, "\(result.errors)")
        #expect(try train(recipe, "whole", processes: 1).code == 0)
        #expect(difference(try place.curve("whole"), try place.curve("run")) < 1e-5)
    }

    private static let torchrun: String? = {
        let python = ProcessInfo.processInfo.environment["FORETOKEN_PYTHON"]
        let path = python.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path + "/torchrun" }
        return path.flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil }
    }()

    /// srun, on a machine with Slurm.
    @Test(.enabled(if: hasSlurm, "no Slurm answers here"))
    func slurmStartsTheRanks() throws {
        let recipe = try place.sharedRecipe(steps: 6)
        let result = try Command.shell("exec srun --ntasks 2 $F train '\(recipe)' --out '\(place.path("run"))'")
        #expect(result.code == 0, "\(result.errors)")
        #expect(try train(recipe, "whole", processes: 1).code == 0)
        #expect(difference(try place.curve("whole"), try place.curve("run")) < 1e-5)
    }

    private static let hasSlurm =
        (try? Command.shell("timeout 5 sinfo --noheader --states=idle | grep -q ."))?.code == 0

    @Test func slurmsVariablesStartTheRanks() throws {
        let recipe = try place.sharedRecipe(steps: 3)
        let port = try Ranks.freePort()
        let result = try Command.shell(
            """
            export SLURM_NTASKS=2 SLURM_JOB_ID=1 SLURM_JOB_NODELIST='localhost,b[1-3]' MASTER_PORT=\(port) OMP_NUM_THREADS=1
            for r in 1 0; do SLURM_PROCID=$r SLURM_LOCALID=$r $F train '\(recipe)' --out '\(place.path("run"))' & p="$p $!"; done
            for q in $p; do wait $q || exit $?; done
            """)
        #expect(result.code == 0, "\(result.errors)")
        #expect(try place.curve("run").count == 3)
    }

    @Test func moreRanksThanSamplesAndBothLaunchersAtOnceAreRefused() throws {
        let recipe = try place.sharedRecipe(steps: 3)
        let many = try train(recipe, "run", processes: 3, "--set", "training.batchSize=1")
        #expect(many.code == 1 && many.errors.contains("3 ranks share a global batch of 2"), "\(many.errors)")
        let both = try Command.shell(
            "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=x MASTER_PORT=1 $F train '\(recipe)' --out '\(place.path("run"))' --processes 2"
        )
        #expect(both.code == 64 && both.errors.contains("--processes starts the ranks itself"), "\(both.errors)")
        let partial = try Command.shell("RANK=0 $F train '\(recipe)' --out '\(place.path("run"))'")
        #expect(partial.code == 1 && partial.errors.contains("environment: WORLD_SIZE: missing"), "\(partial.errors)")
    }
}
