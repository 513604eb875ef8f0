import Foundation
import Testing

/// Faults: every rank exits in bounded time with the reason, and the run can be resumed.
@Suite(.serialized) struct FaultTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private var run: String { place.path("run") }

    /// The time for joining, and between heartbeats, in seconds. With few cores, ranks of a test can start seconds apart, and
    /// heartbeats of a healthy rank can be delayed.
    private static let patience = 5

    private func start(
        _ ranks: [Int], of size: Int, port: Int? = nil, timeout: Int = FaultTests.patience,
        _ more: @escaping (Int) -> [String] = { _ in [] }
    ) throws -> Ranks {
        let recipe = place.path("recipe.yaml")
        return try Ranks(ranks, of: size, in: place, port: port ?? Ranks.freePort()) {
            ["train", recipe, "--out", run, "--timeout", "\(timeout)"] + more($0)
        }
    }

    /// Expects every rank to fail with the same sentence. Usually takes a few seconds; the bound is generous.
    private func expectEnd(
        _ ranks: Ranks, within seconds: Double = 120, except missing: Int? = nil, says words: String,
        location: SourceLocation = #_sourceLocation
    ) {
        #expect(ranks.end(within: seconds, except: missing), sourceLocation: location)
        for index in ranks.processes.indices where index != missing && !ranks.processes[index].isRunning {
            let errors = ranks.errors(index)
            #expect(ranks.processes[index].terminationStatus == 1, "\(index): \(errors)", sourceLocation: location)
            #expect(errors.contains(words), "\(index): \(errors)", sourceLocation: location)
            #expect(
                errors.components(separatedBy: "Error: ").count == 2, "\(index): \(errors)", sourceLocation: location)
            #expect(!errors.contains("Backtrac"), sourceLocation: location)
        }
    }

    private func waitForCheckpoint() {
        #expect(Workplace.wait { FileManager.default.fileExists(atPath: run + "/latest") })
    }

    /// After any fault, a relaunch resumes from a complete checkpoint.
    private func expectResumable(_ location: SourceLocation = #_sourceLocation) throws {
        let recipe = place.path("recipe.yaml")
        let inspected = try Command.run("generate", "--model", run, "--max-tokens", "2")
        #expect(inspected.code == 0, "\(inspected.errors)", sourceLocation: location)
        let errors = URL(fileURLWithPath: place.path("resumed"))
        let process = try Command.start(
            ["train", recipe, "--out", run, "--processes", "2"], output: URL(fileURLWithPath: place.path("o")),
            errors: errors)
        let isResuming = Workplace.wait {
            (try? String(contentsOf: errors, encoding: .utf8))?.contains("resuming") == true
        }
        #expect(isResuming, sourceLocation: location)
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130, sourceLocation: location)
    }

    @Test(arguments: [0, 2]) func aKilledRankIsNamed(victim: Int) throws {
        _ = try place.sharedRecipe(steps: 1_000_000)
        let ranks = try start([0, 1, 2], of: 3)
        waitForCheckpoint()
        kill(ranks.processes[victim].processIdentifier, SIGKILL)
        // Rank 0 serves the store.
        expectEnd(ranks, except: victim, says: victim == 0 ? "rank 0 was killed, is frozen" : "rank 2: no sign of life")
        if victim == 2 { try expectResumable() }
    }

    @Test func aFrozenRankIsNamedAfterTheTimeout() throws {
        _ = try place.sharedRecipe(steps: 1_000_000)
        let ranks = try start([0, 1, 2], of: 3)
        waitForCheckpoint()
        kill(ranks.processes[1].processIdentifier, SIGSTOP)
        expectEnd(ranks, except: 1, says: "rank 1: no sign of life for \(Self.patience) s")
        kill(ranks.processes[1].processIdentifier, SIGCONT)
        #expect(ranks.end(within: 120))
        #expect(ranks.processes[1].terminationStatus == 1, "\(ranks.errors(1))")
    }

    @Test func theLauncherNamesWhoDiedAndEndsAll() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: place.path("e"))
        let process = try Command.start(
            ["train", recipe, "--out", run, "--processes", "3"], output: URL(fileURLWithPath: place.path("o")),
            errors: errors)
        waitForCheckpoint()
        let children = try Command.children(of: process)
        #expect(children.count == 3)
        let victim = try #require(try children.first { try variable("RANK", of: $0) == "1" })
        #expect(try variable("LOCAL_WORLD_SIZE", of: victim) == "3")
        kill(victim, SIGKILL)
        process.waitUntilExit()
        let text = try String(contentsOf: errors, encoding: .utf8)
        #expect(process.terminationStatus == 1)
        #expect(text.contains("Error: rank 1 was killed by signal 9 (Killed); all 3 ranks have ended"), "\(text)")
        #expect(children.allSatisfy { kill($0, 0) != 0 })
    }

    /// Rank 0 reports it and exits first.
    @Test func theLauncherNamesTheFrozenRankAndNotTheOneThatEndedFirst() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: place.path("e"))
        let process = try Command.start(
            ["train", recipe, "--out", run, "--processes", "2", "--timeout", "\(Self.patience)"],
            output: URL(fileURLWithPath: place.path("o")), errors: errors)
        waitForCheckpoint()
        let victim = try #require(try Command.children(of: process).first { try variable("RANK", of: $0) == "1" })
        kill(victim, SIGSTOP)
        process.waitUntilExit()
        let last = try String(contentsOf: errors, encoding: .utf8).split(separator: "\n").last ?? ""
        #expect(process.terminationStatus == 1)
        #expect(last.hasPrefix("Error: rank 1: no sign of life for \(Self.patience) s"), "\(last)")
        #expect(last.hasSuffix("all 2 ranks have ended"), "\(last)")
    }

    @Test func aRankThatWaitsForItsOutputToBeReadIsNamed() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let pipe = try FullPipe(in: place)
        let port = try Ranks.freePort()
        let ranks = try Ranks(
            [0, 1], of: 2, in: place, port: port,
            prefix: { $0 == 0 ? ["bash", "-c", "exec \"$0\" \"$@\" 2> '\(pipe.path)'"] : [] }
        ) { _ in
            ["train", recipe, "--out", run, "--timeout", "\(Self.patience)", "--set", "training.validationEvery=2"]
        }
        #expect(Workplace.wait { ranks.errors(1).contains("\n") })
        #expect(ranks.errors(1).hasPrefix("warning: rank 0: gives signs of life but does not come to collective "))
        #expect(try place.curve("run").count == 2)
        #expect(ranks.processes.allSatisfy { $0.isRunning })
    }

    /// A tracer stops the training thread but no other thread of the process.
    @Test(.enabled(if: Ranks.mayStopWork, "needs python3 and the right to trace"))
    func theLauncherNamesARankWhoseWorkHangs() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let errors = URL(fileURLWithPath: place.path("e"))
        func text() -> String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }
        let process = try Command.start(
            ["train", recipe, "--out", run, "--processes", "2", "--timeout", "\(Self.patience)"],
            output: URL(fileURLWithPath: place.path("o")), errors: errors)
        defer { kill(process.processIdentifier, SIGKILL) }
        #expect(Workplace.wait { (try? place.curve("run").count) ?? 0 > 50 })
        let victim = try #require(try Command.children(of: process).first { try variable("RANK", of: $0) == "0" })
        let tracer = try Ranks.stopWork(of: victim)
        #expect(Workplace.wait { text().contains("warning: rank 0: gives signs of life but does not come to") })
        // A rank that was only late continues, and so do the others.
        kill(tracer.processIdentifier, SIGKILL)
        let steps = try place.curve("run").count
        #expect(Workplace.wait { (try? place.curve("run").count) ?? 0 > steps + 5 })
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130, "\(text())")
    }

    @Test func theLauncherRepeatsTheWordsOfTheRankThatFailed() throws {
        let recipe = try place.sharedRecipe(steps: 9)
        let result = try Command.shell(
            "ulimit -f 60; exec $F train '\(recipe)' --out '\(run)' --processes 3 --set training.checkpointEvery=3")
        #expect(result.code == 1)
        let last = result.errors.split(separator: "\n").last ?? ""
        #expect(last.hasPrefix("Error: rank 0: ") && last.contains("File too large"), "\(result.errors)")
        #expect(last.hasSuffix("all 3 ranks have ended"), "\(last)")
    }

    private func variable(_ name: String, of process: pid_t) throws -> String? {
        let variables = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/environ")).split(separator: 0)
        let found = variables.map { String(decoding: $0, as: UTF8.self) }.first { $0.hasPrefix("\(name)=") }
        return found.map { String($0.dropFirst(name.count + 1)) }
    }

    @Test func withoutItsLauncherNoRankGoesOn() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let process = try Command.start(
            ["train", recipe, "--out", run, "--processes", "2", "--timeout", "\(Self.patience)"],
            output: URL(fileURLWithPath: place.path("o")), errors: URL(fileURLWithPath: place.path("e")))
        waitForCheckpoint()
        let children = try Command.children(of: process)
        #expect(children.count == 2)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(Workplace.wait { children.allSatisfy(Command.hasEnded) })
    }

    @Test func ranksThatDoNotComeAndAStoreThatIsNotThereAreNamed() throws {
        _ = try place.sharedRecipe(steps: 3)
        // The time in which ranks 0 and 2 must join.
        let (lonely, lost) = (try start([0, 2], of: 4, timeout: 8), try start([1], of: 2, timeout: 1))
        expectEnd(lonely, says: "ranks 1, 3 of 4 did not come within 8 s")
        expectEnd(lost, says: "did not answer within 1 s")
    }

    @Test func aPortInUseIsNamedAndAStrangersPortEndsInTime() throws {
        _ = try place.sharedRecipe(steps: 3)
        let stranger = try Ranks.Listener()
        let (server, client) = (
            try start([0], of: 2, port: stranger.port, timeout: 1),
            try start([1], of: 2, port: stranger.port, timeout: 1)
        )
        expectEnd(server, says: "cannot serve the ranks' store at port \(stranger.port): another program listens on it")
        expectEnd(client, says: "did not answer within 1 s")
    }

    @Test func twoProcessesOfOneRankAreRefused() throws {
        _ = try place.sharedRecipe(steps: 3)
        // The time in which all three ranks must join.
        let ranks = try start([1, 1, 0], of: 3, timeout: 8)
        #expect(ranks.end(within: 120))
        #expect((0..<2).contains { ranks.errors($0).contains("two processes are rank 1") })
    }

    @Test func differentRecipesAreRefusedByRankAndKey() throws {
        _ = try place.sharedRecipe(steps: 3)
        let ranks = try start([0, 1, 2], of: 3, timeout: 60) { $0 == 1 ? ["--set", "training.learningRate=0.5"] : [] }
        expectEnd(ranks, says: "rank 1 and rank 0 differ in the recipe")
        #expect(ranks.errors(1).contains("(training.learningRate)"))
        #expect(!FileManager.default.fileExists(atPath: run + "/latest"))
    }

    @Test func differentWeightsStepsAndDataAreRefused() throws {
        let recipe = try place.sharedRecipe(steps: 3)
        #expect(try Command.run("train", recipe, "--out", run).code == 0)
        let other = place.path("other")
        try FileManager.default.copyItem(atPath: run, toPath: other)
        let weights = URL(fileURLWithPath: other + "/checkpoints/step-000003/model.safetensors")
        var bytes = try Data(contentsOf: weights)
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: weights)
        func expect(_ out: String, says words: String) throws {
            let port = try Ranks.freePort()
            let ranks = try Ranks([0, 1], of: 2, in: place, port: port) {
                ["train", recipe, "--out", $0 == 0 ? run : out, "--timeout", "60"]
            }
            expectEnd(ranks, says: words)
        }
        try expect(other, says: "rank 1 and rank 0 differ in the weights they begin with")
        try expect(place.path("empty"), says: "rank 1 and rank 0 differ in the step they begin at")
    }

    /// Rank 0 writes the files; a file size limit simulates a full disk.
    @Test func aFullDiskEndsAllRanksInItsWordsAndKeepsTheCheckpoint() throws {
        let recipe = try place.sharedRecipe(steps: 9)
        let port = try Ranks.freePort()
        func train(_ limit: Int?) throws -> Ranks {
            try Ranks(
                [0, 1], of: 2, in: place, port: port,
                prefix: { rank in
                    limit.map { rank == 0 ? ["bash", "-c", "ulimit -f \($0); exec \"$0\" \"$@\""] : [] } ?? []
                }
            ) { _ in ["train", recipe, "--out", run, "--timeout", "60", "--set", "training.checkpointEvery=3"] }
        }
        expectEnd(try train(60), says: "File too large")
        #expect(try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints").isEmpty)
        let again = try train(nil)
        #expect(again.end(within: 120))
        #expect(again.processes.allSatisfy { $0.terminationStatus == 0 }, "\(again.errors(0)) \(again.errors(1))")
        #expect(try place.curve("run").count == 9)
    }
}
