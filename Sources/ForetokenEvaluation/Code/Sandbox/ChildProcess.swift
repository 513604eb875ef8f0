import Foundation
import Synchronization

/// Looks up programs on the PATH.
enum Executable {
    static func find(_ name: String, remedy: String) throws -> String {
        func isProgram(_ path: String) -> Bool {
            var status = stat()
            return access(path, X_OK) == 0 && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        }
        if name.contains("/") {
            if isProgram(name) { return name }
        } else {
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            for folder in path.split(separator: ":") where isProgram("\(folder)/\(name)") {
                return "\(folder)/\(name)"
            }
        }
        throw EvaluationError.program(name, reason: "no such program", remedy: remedy)
    }
}

/// A child process in its own session.
///
/// Not Foundation's `Process`, which leaks descriptors between processes started concurrently and may start them on another
/// thread; a sandbox is killed when the *thread* that started it exits.
struct ChildProcess {
    /// Why reading the output ended.
    enum Ending { case closed, deadline, outputLimit, memoryLimit }

    let identifier: pid_t
    /// Held while starting a process, and while descriptors are open that a child must not inherit.
    static let starting = Mutex(())

    /// The descriptor numbers that a child can receive.
    static let numbers: Range<Int32> = 0..<10
    /// The descriptor number from which bubblewrap reads its seccomp filter.
    static let filterNumber: Int32 = 9

    /// Starts a program with exactly the given descriptors; it inherits no others. `filter` is passed on `filterNumber`.
    init(
        _ arguments: [String], environment: [String], descriptors: [(own: Int32, theirs: Int32)], filter: [UInt8] = []
    ) throws {
        var descriptors = descriptors
        // A filter is much smaller than a pipe's buffer, so it can be written before the process starts.
        let pipe = filter.isEmpty ? nil : try Pipe()
        if let pipe {
            guard write(pipe.writing.number, filter, filter.count) == filter.count else { throw Pipe.failure() }
            pipe.writing.close()
            descriptors.append((pipe.reading.number, Self.filterNumber))
        }
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (own, theirs) in descriptors { posix_spawn_file_actions_adddup2(&actions, own, theirs) }
        for number in Self.numbers where !descriptors.contains(where: { $0.theirs == number }) {
            posix_spawn_file_actions_addclose(&actions, number)
        }
        for number in Self.inheritable { posix_spawn_file_actions_addclose(&actions, number) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)  // POSIX_SPAWN_SETSID
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var identifier: pid_t = 0
        let code = Self.starting.withLock { _ in
            posix_spawn(&identifier, arguments[0], &actions, &attributes, &argv, &envp)
        }
        guard code == 0 else {
            throw EvaluationError.program(
                arguments[0], reason: "cannot be started: \(String(cString: strerror(code)))",
                remedy: "check the limits of processes and memory (ulimit -a)")
        }
        self.identifier = identifier
    }

    /// Open descriptors above `numbers` that lack close-on-exec and would be inherited.
    private static var inheritable: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            number >= numbers.upperBound && fcntl(number, F_GETFD).isMultiple(of: 2)
        }
    }

    /// Waits for the process to exit, at most until the deadline and not at all if `killing`; then kills its session.
    ///
    /// - Returns: the exit status, or 128 + the signal that killed it.
    func end(killing: Bool, by deadline: ContinuousClock.Instant? = nil) -> Int32 {
        // Reaped only after its session is killed; otherwise another process could reuse its identifier and receive the signal.
        var information = siginfo_t()
        let options = WEXITED | WNOWAIT | (deadline == nil ? 0 : WNOHANG)
        while !killing {
            information.si_signo = 0
            let code = waitid(P_PID, id_t(identifier), &information, options)
            if code == 0 && information.si_signo != 0 || code < 0 && errno != EINTR { break }
            if let deadline, .now >= deadline { break }
            if deadline != nil { usleep(2000) }
        }
        kill(-identifier, SIGKILL)
        kill(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    /// Runs a program and collects its output.
    static func output(
        of arguments: [String], input: [UInt8] = [], environment: [String] = ["PATH=/usr/bin:/bin", "LC_ALL=C"],
        limit: Int, deadline: ContinuousClock.Instant, memory: Int = .max, filter: [UInt8] = []
    ) throws -> (output: [UInt8], errors: [UInt8], ending: Ending, status: Int32) {
        let (stdin, stdout, stderr) = (try Pipe(), try Pipe(), try Pipe())
        let child = try ChildProcess(
            arguments, environment: environment,
            descriptors: [(stdin.reading.number, 0), (stdout.writing.number, 1), (stderr.writing.number, 2)],
            filter: filter)
        for end in [stdin.reading, stdout.writing, stderr.writing] { end.close() }
        let result = exchange(
            input: input, to: stdin.writing, from: stdout.reading, errors: stderr.reading, limit: limit,
            deadline: deadline, watching: (child, memory))
        // A process can close its output and continue running.
        let status = child.end(killing: result.ending != .closed, by: deadline)
        return (result.output, result.errors, result.ending, status)
    }

    /// Writes the input and reads both outputs until they are closed, the deadline passes, the output exceeds `limit` bytes, or
    /// the watched process and its descendants exceed their memory limit.
    ///
    /// Keeps the first 4 KiB of `errors`; with `untilOutputCloses`, does not wait until `errors` is closed. With `start`, the
    /// deadline is that for `errors` to begin with the marker; from then on (`started`) the process has `start.seconds`.
    static func exchange(
        input: [UInt8], to writing: Descriptor, from reading: Descriptor, errors: Descriptor, limit: Int,
        deadline: ContinuousClock.Instant, start: (marker: [UInt8], seconds: Double)? = nil,
        untilOutputCloses: Bool = false, watching watched: (child: ChildProcess, memory: Int)
    ) -> (output: [UInt8], errors: [UInt8], ending: Ending, started: ContinuousClock.Instant?) {
        let unblock = blockBrokenPipes()
        defer { unblock() }
        let checkInterval = Duration.milliseconds(100)
        for end in [writing, reading, errors] { _ = fcntl(end.number, F_SETFL, O_NONBLOCK) }
        var (output, errorOutput): ([UInt8], [UInt8]) = ([], [])
        var (deadline, started) = (deadline, ContinuousClock.Instant?.none)
        var sent = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        if input.isEmpty { writing.close() }
        var nextCheck = ContinuousClock.now + checkInterval
        while reading.isOpen || errors.isOpen && !untilOutputCloses {
            let remaining = (deadline - .now) / .milliseconds(1)
            guard remaining > 0 else { return (output, errorOutput, .deadline, started) }
            var polls = [
                pollfd(fd: writing.number, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors.number, events: Int16(POLLIN), revents: 0),
            ]
            if .now >= nextCheck {
                if watched.child.residentBytes > watched.memory { return (output, errorOutput, .memoryLimit, started) }
                nextCheck = .now + checkInterval
            }
            // A closed descriptor is -1, which poll ignores.
            let timeout = Int32(min(remaining.rounded(.up), checkInterval / .milliseconds(1)))
            guard poll(&polls, 3, timeout) > 0 else { continue }
            if polls[0].revents != 0 {
                let count = input.withUnsafeBytes {
                    write(writing.number, $0.baseAddress.map { $0 + sent }, $0.count - sent)
                }
                if count > 0 { sent += count }
                if sent == input.count || count < 0 && errno != EAGAIN && errno != EINTR { writing.close() }
            }
            for (index, end) in [(1, reading), (2, errors)] where polls[index].revents != 0 {
                let count = read(end.number, &buffer, buffer.count)
                if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { end.close() }
                guard count > 0 else { continue }
                if index == 1 {
                    output += buffer[..<count]
                } else {
                    errorOutput += buffer[..<min(count, 4096 - errorOutput.count)]
                    if let start, started == nil, errorOutput.starts(with: start.marker) {
                        started = .now
                        deadline = .now + .seconds(start.seconds)
                    }
                }
                if output.count > limit { return (output, errorOutput, .outputLimit, started) }
            }
        }
        return (output, errorOutput, .closed, started)
    }

    /// The resident memory of the process and its descendants, with shared memory counted for each. Needed because an address
    /// space limit applies to each process separately.
    private var residentBytes: Int {
        var (sum, pending) = (0, [Int(identifier)])
        while let process = pending.popLast(), sum < Int.max / 2 {
            func text(_ file: String) -> String {
                (try? String(contentsOfFile: "/proc/\(process)/\(file)", encoding: .utf8)) ?? ""
            }
            // Mapped files, such as the interpreter's, are not counted.
            for line in text("status").split(separator: "\n")
            where line.hasPrefix("RssAnon:") || line.hasPrefix("RssShmem:") {
                sum += (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
            }
            // The kernel lists children by the thread that created them.
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
            pending += threads.flatMap { text("task/\($0)/children").split(separator: " ").compactMap { Int($0) } }
        }
        return sum
    }

    /// Blocks SIGPIPE on this thread, which writing to an exited process would raise; the returned closure restores the mask.
    private static func blockBrokenPipes() -> () -> Void {
        var (signals, previous) = (sigset_t(), sigset_t())
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, &previous)
        return { [signals, previous] in
            var (signals, previous, now) = (signals, previous, timespec())
            while sigtimedwait(&signals, nil, &now) == SIGPIPE {}
            pthread_sigmask(SIG_SETMASK, &previous, nil)
        }
    }
}

/// An owned file descriptor, closed on deinitialisation.
final class Descriptor {
    private(set) var number: Int32
    var isOpen: Bool { number >= 0 }

    init(_ number: Int32) { self.number = number }
    deinit { close() }

    func close() {
        guard isOpen else { return }
        Foundation.close(number)
        number = -1
    }
}

/// A pipe whose descriptors are above `ChildProcess.numbers` and close-on-exec.
struct Pipe {
    let reading: Descriptor
    let writing: Descriptor

    init() throws {
        var ends: [Int32] = [-1, -1]
        // No process may start before the original, inheritable descriptors are closed.
        let high = try ChildProcess.starting.withLock { _ in
            guard pipe(&ends) == 0 else { throw Self.failure() }
            defer { for end in ends { close(end) } }
            return ends.map { Descriptor(fcntl($0, F_DUPFD_CLOEXEC, 32)) }
        }
        guard high.allSatisfy(\.isOpen) else { throw Self.failure() }
        (reading, writing) = (high[0], high[1])
    }

    static func failure() -> EvaluationError {
        .program(
            "pipe", reason: String(cString: strerror(errno)), remedy: "raise the limit of open files (ulimit -n)")
    }
}
