import ForetokenFiles
import ForetokenReport
import ForetokenTraining
import Foundation
import Synchronization
import Torch

/// The launcher behind `--processes`: runs the ranks of one host as child processes of this program, serves their store,
/// forwards signals, and terminates all ranks when one fails.
public final class LocalRanks {
    /// The result of a launch.
    public enum Outcome: Sendable, Equatable {
        /// All ranks finished.
        case finished
        /// The launcher was signalled; the run is checkpointed.
        case interrupted
        /// A rank failed, with the error message.
        case failed(String)
    }

    /// An environment variable set for the ranks, so that they do not launch others.
    public static let marker = "FORETOKEN_LAUNCHED"
    /// The prefix of the ranks' keys in the store.
    private static let prefix = "foretoken/0/"
    /// The time that the other ranks have to exit after one has failed.
    private static let grace = Duration.seconds(10)

    private struct Rank {
        let process: pid_t
        /// A file with its standard error; nil for rank 0, which inherits the launcher's.
        let errors: Int32?
        var status: Int32?
    }

    private var ranks: [Rank] = []
    private let store: RendezvousStore
    /// Set by the signal handler of SIGTSTP.
    private static let isToStop = Atomic<Bool>(false)

    /// Starts `count` ranks of this program with the given arguments.
    ///
    /// - Throws: `TorchError` if the store cannot be served, `WorldError.broken(reason:)` if a process cannot be started.
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
        // Own process groups: a terminal's Ctrl-C reaches only the launcher, which forwards it once.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        // Signals forwarded before a rank has installed its handlers stay pending.
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

    /// An unlinked temporary file, deleted when it is closed.
    private static func unnamedFile() -> Int32? {
        var path = Array(
            FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-XXXXXX").path.utf8CString)
        let file = mkstemp(&path)
        guard file >= 0 else { return nil }
        unlink(path)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        return file
    }

    /// Waits for all ranks. `isInterrupted` is polled; true forwards SIGTERM. Ctrl-Z stops the ranks together with this process.
    public func wait(isInterrupted: () -> Bool) -> Outcome {
        let handler: @convention(c) (Int32) -> Void = { _ in LocalRanks.isToStop.store(true, ordering: .relaxed) }
        Self.isToStop.store(false, ordering: .relaxed)
        let previous = signal(SIGTSTP, handler)
        defer { signal(SIGTSTP, previous) }
        var (failure, deadline): (String?, ContinuousClock.Instant?) = (nil, nil)
        var isForwarded = false
        var (polls, warnings) = (0, 0)
        while ranks.contains(where: { $0.status == nil }) {
            let ended = reap()
            // A killed rank is the cause; ranks with an exit code may only have noticed its death.
            let failed = ended.filter { ![0, 130].contains(exitCode($0)) }
            if failure == nil, let first = failed.first(where: { exitCode($0) == nil }) ?? failed.first {
                let message = describe(first)
                // This rank may have exited because another one failed; then the store already has the original message.
                let isFirst = (try? store.claimFailure(Self.prefix, message)) ?? true
                failure = isFirst ? message : (try? store.failure(Self.prefix)) ?? message
                deadline = .now + Self.grace
            }
            if isInterrupted(), !isForwarded {
                isForwarded = true
                for rank in ranks where rank.status == nil { kill(rank.process, SIGTERM) }
            }
            if Self.isToStop.exchange(false, ordering: .relaxed) {
                signal(SIGTSTP, previous)
                stop()
                signal(SIGTSTP, handler)
            }
            if let limit = deadline, ContinuousClock.now > limit {
                for rank in ranks where rank.status == nil { kill(rank.process, SIGKILL) }
                deadline = nil
            }
            polls += 1
            if polls % 100 == 0, let warning = try? store.warning(Self.prefix, warnings + 1) {
                Terminal.offer(warning)
                warnings += 1
            }
            Thread.sleep(forTimeInterval: 0.01)
        }
        if let failure { return .failed(failure) }
        return ranks.indices.contains { exitCode($0) == 130 } ? .interrupted : .finished
    }

    /// Stops the ranks and this process, and resumes the ranks when this process is continued. Ranks left running would find
    /// their store unresponsive.
    private func stop() {
        let running = ranks.filter { $0.status == nil }
        for rank in running { kill(rank.process, SIGSTOP) }
        // This thread may have inherited a mask that blocks the signal; unblocked, `raise` does not return before the process
        // has stopped and continued.
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

    /// The exit code of a rank; nil if it is running or was killed by a signal.
    private func exitCode(_ rank: Int) -> Int32? {
        guard let status = ranks[rank].status, status & 0x7F == 0 else { return nil }
        return status >> 8 & 0xFF
    }

    private func describe(_ rank: Int) -> String {
        guard let code = exitCode(rank) else {
            let signal = (ranks[rank].status ?? 0) & 0x7F
            return "rank \(rank) was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
        }
        let message = ranks[rank].errors.flatMap(lastError)
        return message ?? "rank \(rank) failed with exit code \(code)"
    }

    /// The last error message in a file of standard error, without `Error: `; otherwise its last line.
    private func lastError(_ file: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = pread(file, &bytes, bytes.count, max(0, lseek(file, 0, SEEK_END) - bytes.count))
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        return lines.last { $0.hasPrefix("Error: ") }.map { String($0.dropFirst(7)) } ?? lines.last.map(String.init)
    }
}
