import Foundation
import Testing

/// Ranks started without a launcher: one process each, with torchrun's environment variables.
final class Ranks {
    let processes: [Process]
    private let errorFiles: [URL]

    /// - Parameters:
    ///   - ranks: the ranks to start, and the size of the world.
    ///   - arguments: the arguments of each rank.
    ///   - prefix: a command that runs a rank, for example in a network namespace.
    init(
        _ ranks: [Int], of size: Int, in place: Workplace, port: Int, address: String = "127.0.0.1",
        prefix: (Int) -> [String] = { _ in [] }, arguments: (Int) -> [String]
    ) throws {
        errorFiles = ranks.map { place.folder.appendingPathComponent("errors-\($0)-\(UUID().uuidString)") }
        processes = try zip(ranks, errorFiles).map { rank, errors in
            let process = Process()
            let words = prefix(rank) + [Command.program.path] + arguments(rank)
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = words
            process.environment = ProcessInfo.processInfo.environment.merging(
                [
                    "RANK": "\(rank)", "WORLD_SIZE": "\(size)", "LOCAL_RANK": "\(rank)", "MASTER_ADDR": address,
                    "MASTER_PORT": "\(port)", "OMP_NUM_THREADS": "1",
                ], uniquingKeysWith: { $1 })
            try Data().write(to: errors)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
            return process
        }
    }

    deinit { for process in processes where process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// The standard error of a rank.
    func errors(_ index: Int) -> String { (try? String(contentsOf: errorFiles[index], encoding: .utf8)) ?? "" }

    /// Waits until all ranks except frozen ones have exited; false after the given number of seconds.
    func end(within seconds: Double, except frozen: Int? = nil) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while Date() < deadline {
            if processes.indices.allSatisfy({ $0 == frozen || !processes[$0].isRunning }) { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return false
    }

    /// Whether ``stopWork(of:)`` works on this machine.
    static let mayStopWork: Bool = {
        guard let sleeper = try? Process.run(URL(fileURLWithPath: "/bin/sleep"), arguments: ["60"]) else {
            return false
        }
        defer { kill(sleeper.processIdentifier, SIGKILL) }
        guard let tracer = try? stopWork(of: sleeper.processIdentifier) else { return false }
        kill(tracer.processIdentifier, SIGKILL)
        return true
    }()

    /// Stops the busiest thread of another process (not the first, if there are several) until the returned process is killed.
    static func stopWork(of process: pid_t) throws -> Process {
        // Of the threads with the process's name, selects the one with the most user time (the 12th number after the name, in
        // ticks), on ties with the most CPU time; Gloo's event loop is as busy as the training thread, but in the kernel, and its
        // threads have other names. Then uses PTRACE_SEIZE and PTRACE_INTERRUPT.
        let script = """
            import ctypes, os, sys, time
            trace = ctypes.CDLL(None).ptrace
            def read(t, name): return open(f"/proc/\(process)/task/{t}/{name}").read()
            def work(t):
                ticks = int(read(t, "stat").rsplit(")", 1)[1].split()[11])
                try: return ticks, int(read(t, "schedstat").split()[0])
                except OSError: return ticks, 0
            first, *rest = sorted(map(int, os.listdir("/proc/\(process)/task")))
            own = [t for t in rest if read(t, "comm") == read(first, "comm")]
            t = max(own or rest or [first], key=work)
            if trace(0x4206, t, None, None) or trace(0x4207, t, None, None): sys.exit(1)
            print(flush=True)
            time.sleep(180)
            """
        let (tracer, output) = (Process(), Pipe())
        tracer.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tracer.arguments = ["python3", "-c", script]
        tracer.standardOutput = output
        try tracer.run()
        // Its output, or its exit.
        guard output.fileHandleForReading.availableData.count == 1 else { throw CocoaError(.featureUnsupported) }
        return tracer
    }

    /// A free port.
    static func freePort() throws -> Int { try Listener().port }

    /// A socket that listens on a free port of the loopback interface and never answers.
    final class Listener {
        let port: Int
        private let descriptor: Int32

        init() throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let descriptor = descriptor
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && listen(descriptor, 5) == 0
                        && getsockname(descriptor, $0, &length) == 0
                }
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            try #require(isBound)
        }

        deinit { close(descriptor) }
    }
}

/// A full named pipe without a reader, like a terminal after Ctrl-S.
final class FullPipe {
    let path: String
    private let descriptor: Int32

    init(in place: Workplace) throws {
        path = place.path("pipe")
        try #require(mkfifo(path, 0o600) == 0)
        descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        let page = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, page, page.count) > 0 {}
        try #require(errno == EAGAIN)
    }

    deinit { close(descriptor) }
}

extension Command {
    /// The child processes of a process, such as the ranks of a launcher.
    static func children(of process: Process) throws -> [pid_t] {
        try shell("pgrep -P \(process.processIdentifier)").output.split(separator: "\n").compactMap { pid_t($0) }
    }
}

extension Workplace {
    /// The recipe for tests with several ranks: small, with a batch of eight sequences.
    func sharedRecipe(steps: Int) throws -> String {
        let path = try recipe(steps: steps)
        let text = try String(contentsOfFile: path, encoding: .utf8).replacingOccurrences(
            of: "batchSize: 2, learningRate: 0.01",
            with: "batchSize: 4, accumulation: 2, learningRate: 0.003, threads: 1")
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// The metrics of a run by step: the losses of all heads and the gradient norm.
    func curve(_ run: String, kind: String = "train") throws -> [[Double]] {
        try String(contentsOfFile: path(run) + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").compactMap {
            let object = try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            guard object["kind"] as? String == kind else { return nil }
            // A disabled head has no loss.
            let losses = try #require(object["loss"] as? [Any]).map { $0 as? Double ?? -1 }
            return losses + ((object["gradientNorm"] as? Double).map { [$0] } ?? [])
        }
    }
}

/// The largest relative difference.
func difference(_ a: [[Double]], _ b: [[Double]]) -> Double {
    guard a.count == b.count, !a.isEmpty else { return .infinity }
    return zip(a.joined(), b.joined()).map { abs($0 - $1) / max(abs($0), 1e-3) }.max() ?? .infinity
}
