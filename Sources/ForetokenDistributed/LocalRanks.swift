import ForetokenFiles
import ForetokenReport
import ForetokenTraining
import Foundation
import Synchronization
import Torch

/// The ranks of one host as processes of this program, as `--processes` starts them: this process serves their store, passes
/// signals on, and ends all of them when one dies.
public final class LocalRanks {
    /// How they ended.
    public enum Outcome: Sendable, Equatable {
        /// All are done.
        case finished
        /// A signal came; the run is checkpointed.
        case interrupted
        /// One died, in words.
        case failed(String)
    }

    /// Set for the ranks, which then do not start others.
    public static let marker = "FORETOKEN_LAUNCHED"
    /// Of the ranks' keys in the store.
    private static let prefix = "foretoken/0/"
    /// How long the others may take to end after one has died.
    private static let grace = Duration.seconds(10)

    private struct Rank {
        let process: pid_t
        /// What it says on standard error; rank 0 speaks for itself.
        let errors: Int32?
        var status: Int32?
    }

    private var ranks: [Rank] = []
    private let store: RendezvousStore
    /// Whether SIGTSTP came.
    private static let isToStop = Atomic<Bool>(false)

    /// Starts so many ranks of this program with the given arguments.
    ///
    /// - Throws: `TorchError` when no store can be served, `WorldError.broken(reason:)` when no process can be started.
    public init(count: Int, arguments: [String], timeout: Duration) throws {
        store = try RendezvousStore(host: "127.0.0.1", port: 0, serving: true, timeout: timeout)
        var environment = ProcessInfo.processInfo.environment
        let threads = max(1, ProcessInfo.processInfo.activeProcessorCount / count)
        environment["OMP_NUM_THREADS"] = environment["OMP_NUM_THREADS"] ?? String(threads)
        environment["WORLD_SIZE"] = String(count)
        environment["LOCAL_WORLD_SIZE"] = String(count)
        environment["MASTER_ADDR"] = "127.0.0.1"
        environment["MASTER_PORT"] = String(store.port)
        environment["TORCHELASTIC_USE_AGENT_STORE"] = "True"
        environment["TORCHELASTIC_RESTART_COUNT"] = nil
        environment[Self.marker] = "1"
        for rank in 0..<count {
            environment["RANK"] = String(rank)
            environment["LOCAL_RANK"] = String(rank)
            do {
                ranks.append(try Self.start(rank, arguments, environment))
            } catch {
                for rank in ranks { kill(rank.process, SIGKILL) }
                throw error
            }
        }
    }

    deinit { for rank in ranks { if let errors = rank.errors { close(errors) } } }

    private static func start(_ rank: Int, _ arguments: [String], _ environment: [String: String]) throws -> Rank {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var errors: Int32?
        if rank > 0 {
            errors = unnamedFile()
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
            if let errors { posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO) }
        }
        // A group of their own: a terminal's Ctrl-C reaches this process alone, which passes it on once.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        // What is passed on before a rank can answer waits until it can.
        var signals = InterruptFlag.signals
        posix_spawnattr_setsigmask(&attributes, &signals)
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var process = pid_t()
        let status = posix_spawn(&process, "/proc/self/exe", &actions, &attributes, &argv, &envp)
        guard status == 0 else {
            throw WorldError.broken(reason: "rank \(rank) cannot be started: \(String(cString: strerror(status)))")
        }
        return Rank(process: process, errors: errors)
    }

    /// A file without a name, which goes when it is closed.
    private static func unnamedFile() -> Int32? {
        var path = Array(
            FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-XXXXXX").path.utf8CString)
        let file = mkstemp(&path)
        guard file >= 0 else { return nil }
        unlink(path)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        return file
    }

    /// Waits for all of them. `isInterrupted` tells whether a signal is to be passed on; Ctrl-Z stops them with this process.
    public func wait(isInterrupted: () -> Bool) -> Outcome {
        let note: @convention(c) (Int32) -> Void = { _ in LocalRanks.isToStop.store(true, ordering: .relaxed) }
        Self.isToStop.store(false, ordering: .relaxed)
        let before = signal(SIGTSTP, note)
        defer { signal(SIGTSTP, before) }
        var (failure, deadline): (String?, ContinuousClock.Instant?) = (nil, nil)
        var isPassedOn = false
        var (turns, warnings) = (0, 0)
        while ranks.contains(where: { $0.status == nil }) {
            let ended = reap()
            // Who was killed comes before those who only noticed.
            let bad = ended.filter { ![0, 130].contains(exitCode($0)) }
            if failure == nil, let first = bad.first(where: { exitCode($0) == nil }) ?? bad.first {
                let words = describe(first)
                // The first to end may only have read why another one failed: those words are there already then.
                let isFirst = (try? store.claimFailure(Self.prefix, words)) ?? true
                failure = isFirst ? words : (try? store.failure(Self.prefix)) ?? words
                deadline = .now + Self.grace
            }
            if isInterrupted(), !isPassedOn {
                isPassedOn = true
                for rank in ranks where rank.status == nil { kill(rank.process, SIGTERM) }
            }
            if Self.isToStop.exchange(false, ordering: .relaxed) {
                signal(SIGTSTP, before)
                stop()
                signal(SIGTSTP, note)
            }
            if let limit = deadline, ContinuousClock.now > limit {
                for rank in ranks where rank.status == nil { kill(rank.process, SIGKILL) }
                deadline = nil
            }
            turns += 1
            if turns % 100 == 0, let warning = try? store.warning(Self.prefix, warnings + 1) {
                Terminal.offer(warning)
                warnings += 1
            }
            Thread.sleep(forTimeInterval: 0.01)
        }
        if let failure { return .failed(failure) }
        return ranks.indices.contains { exitCode($0) == 130 } ? .interrupted : .finished
    }

    /// Stops the ranks and this process, and goes on with them when that is continued. Without the ranks it would be a store
    /// that does not answer.
    private func stop() {
        let running = ranks.filter { $0.status == nil }
        for rank in running { kill(rank.process, SIGSTOP) }
        // To this thread, which may have inherited that it is blocked: so it does not go on before the process stops.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        raise(SIGTSTP)
        for rank in running { kill(rank.process, SIGCONT) }
    }

    private func reap() -> [Int] {
        ranks.indices.filter { index in
            var status: Int32 = 0
            guard ranks[index].status == nil, waitpid(ranks[index].process, &status, WNOHANG) == ranks[index].process
            else { return false }
            ranks[index].status = status
            return true
        }
    }

    /// Nil if a signal ended it.
    private func exitCode(_ rank: Int) -> Int32? {
        guard let status = ranks[rank].status, status & 0x7F == 0 else { return nil }
        return status >> 8 & 0xFF
    }

    private func describe(_ rank: Int) -> String {
        guard let code = exitCode(rank) else {
            let signal = (ranks[rank].status ?? 0) & 0x7F
            return "rank \(rank) was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
        }
        let said = ranks[rank].errors.flatMap(lastError)
        return said ?? "rank \(rank) failed with exit code \(code)"
    }

    /// The last sentence of the process's own, without its `Error: `.
    private func lastError(_ file: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = pread(file, &bytes, bytes.count, max(0, lseek(file, 0, SEEK_END) - bytes.count))
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        return lines.last { $0.hasPrefix("Error: ") }.map { String($0.dropFirst(7)) } ?? lines.last.map(String.init)
    }
}
