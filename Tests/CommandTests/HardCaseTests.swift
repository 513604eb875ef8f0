import Foundation
import Testing
import Torch

/// What the world does to a program: full disks, closed pipes, moved folders, signals.
@Suite(.serialized) struct HardCaseTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    /// One sentence on standard error, no crash.
    private func expect(
        _ result: Command.Result, code: Int32 = 1, says words: String, location: SourceLocation = #_sourceLocation
    ) {
        #expect(result.code == code, "\(result.errors)", sourceLocation: location)
        let errors = result.errors.split(separator: "\n").filter { $0.hasPrefix("Error: ") }
        #expect(errors.count == 1, "\(result.errors)", sourceLocation: location)
        #expect(errors.contains { $0.contains(words) }, "\(result.errors)", sourceLocation: location)
        #expect(!result.errors.contains("Backtracing"), sourceLocation: location)
        #expect(!result.errors.contains("Error Domain"), sourceLocation: location)
    }

    /// Trains the whole run beside it and compares.
    private func expectResumedEqualsWhole(_ recipe: String, run: String, steps: Int) throws {
        let resumed = try Command.run("train", recipe, "--out", run)
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(try Command.run("train", recipe, "--out", place.path("whole")).code == 0)
        let name = String(format: "/checkpoints/step-%06d/model.safetensors", steps)
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: run + name))
                == Data(contentsOf: URL(fileURLWithPath: place.path("whole") + name)))
    }

    private static let mayMount: Bool = {
        let result = try? Command.shell(
            "d=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs $d && umount $d && rmdir $d")
        return result?.code == 0
    }()

    @Test(.enabled(if: mayMount, "needs root to mount a file system"))
    func aFullDiskKeepsTheLastWholeCheckpointAndTheRunResumes() throws {
        let recipe = try place.recipe(steps: 30)
        let disk = place.path("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        #expect(try Command.shell("mount -t tmpfs -o size=700k tmpfs '\(disk)'").code == 0)
        defer { _ = try? Command.shell("umount '\(disk)'") }
        let full = try Command.run("train", recipe, "--out", disk + "/run", "--set", "training.keepCheckpoints=9")
        expect(full, says: "No space left on device")
        let names = try FileManager.default.contentsOfDirectory(atPath: disk + "/run/checkpoints")
        #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("step-") }, "\(names)")
        #expect(try Command.run("generate", "--model", disk + "/run", "--max-tokens", "5").code == 0)
        #expect(try Command.shell("mount -o remount,size=9m '\(disk)'").code == 0)
        let resumed = try Command.run("train", recipe, "--out", disk + "/run", "--set", "training.keepCheckpoints=9")
        #expect(resumed.code == 0 && resumed.errors.contains("resuming"), "\(resumed.errors)")
    }

    @Test func aFileSizeLimitEndsTheRunWithASentenceAndTheRunResumes() throws {
        let recipe = try place.recipe(steps: 6)
        let run = place.path("run")
        expect(
            try Command.shell("ulimit -f 60; exec $F train '\(recipe)' --out '\(run)'"), says: "File too large")
        #expect(try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints").isEmpty)
        try expectResumedEqualsWhole(recipe, run: run, steps: 6)
    }

    @Test(.enabled(if: mayMount || geteuid() != 0, "needs a user other than root, or root and a mount"))
    func aReadOnlyRunFolderIsNamed() throws {
        let recipe = try place.recipe(steps: 3)
        let run = place.path("run")
        #expect(try Command.run("train", recipe, "--out", run).code == 0)
        let protect = Self.mayMount ? "mount --bind R R && mount -o remount,ro,bind R" : "chmod a-w R"
        let release = Self.mayMount ? "umount R" : "chmod u+w R"
        func shell(_ line: String) throws {
            _ = try Command.shell(line.replacingOccurrences(of: "R", with: "'\(run)'"))
        }
        try shell(protect)
        defer { try? shell(release) }
        expect(
            try Command.run("train", recipe, "--out", run), says: Self.mayMount ? "Read-only file system" : "Permission"
        )
        #expect(try Command.run("generate", "--model", run, "--max-tokens", "5").code == 0)
    }

    @Test func aRunFolderMovedWhileItTrainsGoesOnThereAndResumes() throws {
        let recipe = try place.recipe(steps: 1_000_000)
        let (before, after) = (place.path("before"), place.path("after"))
        let process = try Command.start(
            ["train", recipe, "--out", before], output: URL(fileURLWithPath: place.path("o")),
            errors: URL(fileURLWithPath: place.path("e")))
        #expect(Workplace.wait { FileManager.default.fileExists(atPath: before + "/latest") })
        try FileManager.default.moveItem(atPath: before, toPath: after)
        func latest() -> String? { try? String(contentsOfFile: after + "/latest", encoding: .utf8) }
        let moved = latest()
        #expect(Workplace.wait { latest() != moved })
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(!FileManager.default.fileExists(atPath: before))
        let step = try #require(latest()).dropFirst(5).prefix { $0.isNumber }
        let resumed = try Command.start(
            ["train", recipe, "--out", after], output: URL(fileURLWithPath: place.path("o")),
            errors: URL(fileURLWithPath: place.path("e")))
        func errors() -> String { (try? String(contentsOfFile: place.path("e"), encoding: .utf8)) ?? "" }
        #expect(Workplace.wait { errors().contains("after step \(Int(step) ?? -1)") })
        kill(resumed.processIdentifier, SIGKILL)
        resumed.waitUntilExit()
        // A deleted folder is not made anew.
        let third = try Command.start(
            ["train", recipe, "--out", after], output: URL(fileURLWithPath: place.path("o")),
            errors: URL(fileURLWithPath: place.path("e")))
        #expect(Workplace.wait { errors().contains("resuming") })
        try FileManager.default.moveItem(atPath: after + "/.lock", toPath: place.path("lock"))
        try FileManager.default.removeItem(atPath: place.path("lock"))
        third.waitUntilExit()
        #expect(third.terminationStatus == 1)
        #expect(errors().contains("was deleted, or moved"))
    }

    @Test func ofTwoTrainingsInOneFolderOneTrainsAndTheOtherNamesIt() throws {
        // So many steps that the first cannot be done before the second begins.
        let recipe = try place.recipe(steps: 1_000_000)
        let processes = try ["first", "second"].map { name in
            try Command.start(
                ["train", recipe, "--out", place.path("run")], output: URL(fileURLWithPath: place.path("o")),
                errors: URL(fileURLWithPath: place.path(name)))
        }
        defer { for process in processes where process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        #expect(Workplace.wait { processes.contains { !$0.isRunning } })
        let loser = try #require(processes.firstIndex { !$0.isRunning })
        #expect(processes[loser].terminationStatus == 1)
        let errors = try String(contentsOfFile: place.path(["first", "second"][loser]), encoding: .utf8)
        let winner = processes[1 - loser]
        // The number itself is written a moment after the lock is taken.
        #expect(errors.contains("in use by process"), "\(errors)")
        #expect(Workplace.wait { FileManager.default.fileExists(atPath: place.path("run/latest")) })
        kill(winner.processIdentifier, SIGINT)
        winner.waitUntilExit()
        #expect(winner.terminationStatus == 130)
    }

    @Test func aDamagedOrMissingLatestAndALeftLockDoNotMatter() throws {
        let recipe = try place.recipe(steps: 6)
        let run = place.path("run")
        #expect(try Command.run("train", recipe, "--out", run).code == 0)
        try Data("99999999".utf8).write(to: URL(fileURLWithPath: run + "/.lock"))
        for damage in [Data([0xFF, 0xFE, 0]), Data(), Data("step-999999\n".utf8), nil] {
            try? FileManager.default.removeItem(atPath: run + "/latest")
            if let damage { try damage.write(to: URL(fileURLWithPath: run + "/latest")) }
            #expect(try Command.run("generate", "--model", run, "--max-tokens", "5").code == 0)
            #expect(try Command.run("train", recipe, "--out", run).errors.contains("after step 6"))
        }
        // A broken checkpoint says how to go on from the one before.
        try Data().write(to: URL(fileURLWithPath: run + "/checkpoints/step-000006/model.safetensors"))
        expect(try Command.run("train", recipe, "--out", run), says: "move \(run)/checkpoints/step-000006 away")
        try FileManager.default.removeItem(atPath: run + "/checkpoints/step-000006")
        try expectResumedEqualsWhole(recipe, run: run, steps: 6)
    }

    /// Each needs more than eight terabytes, which no machine has.
    @Test func memoryThatIsNotThereIsASentence() throws {
        let recipe = try place.recipe(steps: 3)
        for (settings, words) in [
            (["model.headDimension=1048576", "model.attentionHeads=2048"], "out of memory"),
            (["training.batchSize=4000000", "model.feedForwardWidth=8192"], "lower training.batchSize"),
            (["model.layers=65536", "model.feedForwardWidth=1048576", "model.width=4"], "smaller"),
            (["model.layers=16777216", "model.feedForwardWidth=1024"], "layers is 16777216; it must be at most 65536"),
        ] {
            let options = settings.flatMap { ["--set", $0] }
            expect(try Command.run(["train", recipe, "--out", place.path("run")] + options), says: words)
        }
    }

    @Test func aForwardPassWithoutMemoryEndsAsTheProgramSays() async throws {
        let result = try await #require(processExitsWith: .exitCode(7), observing: [\.standardErrorContent]) {
            LibTorch.onOutOfMemory { error in
                FileHandle.standardError.write(Data("\(error)".utf8))
                _exit(7)
            }
            let x = try Tensor.zeros([1 << 10, 1 << 10])
            Memory.setLimit(bytes: 6 << 20)
            _ = x.matmul(x)
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("out of memory"))
    }

    @Test func closedAndFullStreamsEndQuietlyOrWithASentence() throws {
        let recipe = try place.recipe(steps: 3)
        let run = place.path("run")
        // Without standard error training goes on, and no file takes its place.
        #expect(try Command.shell("exec $F train '\(recipe)' --out '\(run)' 2>&- <&-").code == 0)
        #expect(try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).hasPrefix("{"))
        #expect(
            try Command.shell("$F train '\(recipe)' --out '\(run)2' 2>/dev/full; exit $?").code == 0)
        let piped = try Command.shell(
            "$F generate --model '\(run)' --prompt $'a\\nb\\nc\\n' | head -1; exit ${PIPESTATUS[1]}")
        #expect(piped.code == 0 && piped.output == "a\n", "\(piped.errors)")
        #expect(!piped.errors.contains("Error") && !piped.errors.contains("crash"), "\(piped.errors)")
        expect(
            try Command.shell("$F generate --model '\(run)' > /dev/full"),
            says: "standard output: cannot write: No space")
        expect(try Command.shell("$F inspect '\(run)' > /dev/full"), says: "standard output: cannot write: No space")
    }

    @Test func trainingDoesNotWaitUntilItsProgressIsRead() throws {
        let recipe = try place.recipe(steps: 1_000_000)
        let pipe = try FullPipe(in: place)
        let process = try Command.start(
            ["train", recipe, "--out", place.path("run")], output: URL(fileURLWithPath: place.path("o")),
            errors: URL(fileURLWithPath: pipe.path))
        #expect(Workplace.wait { (try? place.curve("run").count) ?? 0 > 20 })
        kill(process.processIdentifier, SIGKILL)
    }

    @Test func ctrlCWhileGeneratingKeepsTheTextAndExitsWith130() throws {
        let recipe = try place.recipe(steps: 3)
        let run = place.path("run")
        #expect(try Command.run("train", recipe, "--out", run).code == 0)
        // A model for short texts says that it is for long ones.
        let configuration = URL(fileURLWithPath: run + "/checkpoints/step-000003/config.json")
        let edited = try String(contentsOf: configuration, encoding: .utf8)
            .replacing(/"max_position_embeddings":\s*64/, with: "\"max_position_embeddings\": 100000")
        try Data(edited.utf8).write(to: configuration)
        let output = place.path("o")
        let process = try Command.start(
            ["generate", "--model", run, "--prompt", "def ", "--max-tokens", "99000", "--logit-bias", "257=-1000"],
            output: URL(fileURLWithPath: output), errors: URL(fileURLWithPath: place.path("e")))
        func size() -> Int { (try? Data(contentsOf: URL(fileURLWithPath: output)).count) ?? 0 }
        #expect(Workplace.wait { size() > 20 })
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        let text = try Data(contentsOf: URL(fileURLWithPath: output))
        #expect(process.terminationStatus == 130)
        #expect(text.starts(with: Data("def ".utf8)) && text.last == UInt8(ascii: "\n"))
        #expect(try String(contentsOfFile: place.path("e"), encoding: .utf8).contains("interrupted"))
    }

    @Test(arguments: ["C", "POSIX", "C.UTF-8"]) func textIsUTF8InEveryLocale(locale: String) throws {
        let recipe = try place.recipe(steps: 3)
        let result = try Command.shell(
            """
            cd '\(place.folder.path)' && mkdir -p 'Übung/数据' && echo 'ß = "日本"' > 'Übung/数据/ä.py' && cat src/*.py > 'Übung/b.py'
            $F prepare 'Übung' src --out 'Übung/數' --validation-fraction 0.2 && $F train '\(recipe)' --out 'läuft' \
            && $F generate --model 'läuft' --prompt 'größe → 数' --max-tokens 2; $F inspect 'nicht→da'
            """, environment: ["LC_ALL": locale])
        #expect(result.output.contains("größe → 数"), "\(result.errors)")
        #expect(result.errors.contains("nicht→da: neither a run"))
    }

    /// A pseudo-terminal of so many columns, by util-linux's script.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs util-linux's script"))
    func aTerminalOf20ColumnsShowsOneLineOfProgressAndNoTerminalShowsNoEscapes() throws {
        let recipe = try place.recipe(steps: 30)
        let terminal = try Command.shell(
            "cd '\(place.folder.path)' && TERM=xterm script -qec \"stty cols 20; '$F' train recipe.yaml --out run\" shown < /dev/null"
        )
        #expect(terminal.code == 0, "\(terminal.errors)")
        let shown = try String(contentsOfFile: place.path("shown"), encoding: .utf8)
            .replacingOccurrences(of: "\r\n", with: "\n")
        let lines = shown.split(separator: "\r").filter { $0.hasPrefix("\u{1B}[K") }
        #expect(!lines.isEmpty && lines.allSatisfy { $0.dropFirst(3).prefix { $0 != "\n" }.count < 20 })
        let plain = try Command.shell("setsid -w $F train '\(recipe)' --out '\(place.path("run2"))' < /dev/null")
        #expect(plain.code == 0 && !plain.errors.contains("\u{1B}"))
    }

    @Test func hostileArgumentsAreRefusedByName() throws {
        let recipe = try place.recipe(steps: 3)
        let (run, data) = (place.path("run"), place.path("data/validation.tokens"))
        #expect(try Command.run("train", recipe, "--out", run).code == 0)
        try Data("{\"prompt\": \"x\"}".utf8).write(to: URL(fileURLWithPath: place.path("p")))
        for (code, words, line) in [
            (64, "argument 2 ('\u{FFFD}') is not UTF-8", "prepare $'\\xff' --out x"),
            (64, "invalid for '--out <out>'", "prepare src --out ''"),
            (64, "--max-bytes -5: must be at least 1", "prepare src --out x --max-bytes -5"),
            (1, "Not a directory", "prepare src --out src/1.py/x"),
            (1, "2 no regular file", "prepare /dev/null /dev/zero --out x"),
            (1, "src: cannot be read: Is a directory", "train src --out x"),
            (1, "No such file", "train recipe.yaml --out /proc/x"),
            (1, "[[[: not valid YAML: did not find", "train recipe.yaml --out x --set 'training.steps=[[['"),
            (1, "nowhere: cannot read: No such file", "train recipe.yaml --out x --set data.train=nowhere"),
            (1, "outside 1...1024", "train recipe.yaml --out x --set training.threads=100000"),
            (1, "tokens a step", "train recipe.yaml --out x --set training.batchSize=1000000000"),
            (64, "--threads 0: must be 1 to 1024", "generate --model run --threads 0"),
            (1, "unknown device 'tpu'", "generate --model run --device tpu"),
            (64, "--max-tokens -1: must be", "generate --model run --max-tokens -1"),
            (64, "temperature nan", "generate --model run --temperature nan"),
            (64, "top-p 2.0: must be", "generate --model run --top-p 2"),
            (1, "null: there is no prompt in it", "generate --model run --prompts /dev/null --out o"),
            (1, "null: cannot write it: it is not a regular", "generate --model run --prompts p --out /dev/null"),
            (1, "p: is read by this run", "generate --model run --prompts p --out p"),
            (1, "x/y: cannot write it: there is no folder", "convert run nowhere/x/y --to foretoken"),
            (1, "below 10", "train recipe.yaml --out x --set training.learningRate=1e300"),
            (64, "--seconds nan: must be", "bench decode --seconds nan"),
            (64, "--batches 0", "evaluate loss --model run --data \(data) --batches 0"),
            (64, "--prompt-tokens -3", "evaluate decoding --model run --data \(data) --prompt-tokens -3"),
            (1, "width is -5; it must be", "bench decode --width -5"),
            (1, "the model has 2 heads", "evaluate decoding --model run --data \(data) --prompt-tokens 9 --heads 9"),
            (1, "no document has 500 tokens", "evaluate decoding --model run --data \(data) --prompt-tokens 500"),
        ] as [(Int32, String, String)] {
            expect(try Command.shell("cd '\(place.folder.path)' && $F " + line), code: code, says: words)
        }
        // The largest numbers are only large.
        #expect(try Command.run("generate", "--model", run, "--max-tokens", "\(Int.max)").code == 0)
        #expect(
            try Command.run("evaluate", "loss", "--model", run, "--data", data, "--batches", "\(Int.max)").code == 0)
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionScriptsAreMade(shell: String) throws {
        let script = try Command.run("--generate-completion-script", shell)
        #expect(script.code == 0 && script.output.contains("yaml") && script.output.contains("foretoken"))
    }
}
