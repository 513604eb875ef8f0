import Foundation
import Testing

/// Readers against thousands of damaged files, the same ones every time: no crash, no wait, no memory without end.
///
/// `FORETOKEN_FUZZ_SECONDS=600` runs each reader so long; `FORETOKEN_FUZZ_SEED` draws other inputs; `FORETOKEN_FUZZ_READERS`
/// takes some of the readers, as `pickle,json`. The input at hand lies in the printed folder: after a crash, it is there.
struct FuzzTests {
    private static func setting(_ name: String) -> String? {
        ProcessInfo.processInfo.environment["FORETOKEN_FUZZ_" + name]
    }

    private static var readers: [FuzzedReader] {
        guard let chosen = setting("READERS") else { return FuzzedReader.allCases }
        return chosen.split(separator: ",").compactMap { FuzzedReader(rawValue: String($0)) }
    }

    @Test(arguments: readers) func damagedFilesAreAnsweredWithASentence(reader: FuzzedReader) throws {
        let seconds = Self.setting("SECONDS").flatMap(Double.init)
        let seed = Self.setting("SEED").flatMap(UInt64.init) ?? 1
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "foretoken-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let originals = try reader.originals(in: folder)
        let input = folder.appendingPathComponent("input")
        for original in originals {
            try Data(original).write(to: input)
            #expect(try reader.accepts(original, at: input))
        }
        if seconds != nil { print("fuzz: \(reader.rawValue), seed \(seed), input at hand: \(input.path)") }

        var mutator = Mutator(seed: seed, words: reader.words)
        let start = ContinuousClock.now
        let memory = Resources.peakBytes(restarting: true)
        var (count, accepted, slowest) = (0, 0, 0.0)
        while seconds.map({ start.duration(to: .now) < .seconds($0) }) ?? (count < reader.quickCount) {
            var bytes = mutator.mutate(originals)
            reader.repair(&bytes, &mutator)
            try Data(bytes).write(to: input)
            var before = Resources.threadSeconds
            if try reader.accepts(bytes, at: input) { accepted += 1 }
            var time = Resources.threadSeconds - before
            // A virtual machine counts as the thread's what its host took away: once more, and once more.
            for _ in 0..<2 where time >= 1 {
                before = Resources.threadSeconds
                _ = try reader.accepts(bytes, at: input)
                time = min(time, Resources.threadSeconds - before)
            }
            slowest = max(slowest, time)
            count += 1
            // The processor's time, so that a busy machine makes no failure.
            try #require(time < 1, "input \(count) of seed \(seed) took \(time) seconds; it lies in \(input.path)")
            if count.isMultiple(of: 256) {
                let growth = Resources.peakBytes() - memory
                try #require(growth < 256 << 20, "memory grew by \(growth) bytes by input \(count) of seed \(seed)")
            }
        }
        // Some damage does not matter; were nothing accepted in a long run, the readers' later parts would have seen nothing.
        #expect(accepted < count && (accepted > 0 || count < 1000))
        if seconds != nil {
            let growth = (Resources.peakBytes() - memory) >> 20
            print(
                "fuzz: \(reader.rawValue), seed \(seed): \(count) inputs, \(accepted) accepted, slowest "
                    + "\((slowest * 1e6).rounded() / 1000) ms, memory grew by \(growth) MiB")
        }
        try FileManager.default.removeItem(at: folder)
    }
}

/// What the process has used.
enum Resources {
    /// Processor seconds of this thread.
    static var threadSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The most memory the process has held, in bytes; zero where the system does not say.
    ///
    /// - Parameter restarting: lets the count start again from what is held now.
    static func peakBytes(restarting: Bool = false) -> Int {
        if restarting { try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs")) }
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }.map { $0 * 1024 } ?? 0
    }
}
