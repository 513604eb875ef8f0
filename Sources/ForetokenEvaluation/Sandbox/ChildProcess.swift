import Foundation
import Synchronization

/// A program found on the PATH.
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
        throw EvaluationError.program(name, reason: "there is no such program", remedy: remedy)
    }
}

/// A process of ours in a session of its own. Foundation's `Process` would leak descriptors between processes started at
/// the same time, and moves between threads: a sandbox ends with the *thread* that started it.
struct ChildProcess {
    /// Why reading ended.
    enum Ending { case closed, deadline, outputLimit, memoryLimit }

    let identifier: pid_t
    /// Held where descriptors are open that no child may inherit.
    static let starting = Mutex(())

    /// Numbers of descriptors that a child can get.
    static let numbers: Range<Int32> = 0..<10
    /// The number under which bubblewrap reads its filter.
    static let filterNumber: Int32 = 9

    /// Starts a program; it gets only the descriptors named, whatever this process has open besides, and a `filter` to read.
    init(
        _ arguments: [String], environment: [String], descriptors: [(own: Int32, theirs: Int32)], filter: [UInt8] = []
    ) throws {
        var descriptors = descriptors
        // Far less than a pipe holds.
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
                remedy: "see to it that the system has processes and memory left")
        }
        self.identifier = identifier
    }

    /// Descriptors of this process, above those that children get, that would stay open in them.
    private static var inheritable: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            number >= numbers.upperBound && fcntl(number, F_GETFD).isMultiple(of: 2)
        }
    }

    /// Waits for its end, if it is not to be killed and until the deadline, and ends its session.
    ///
    /// - Returns: its exit status, or 128 and the signal that ended it.
    func end(killing: Bool, by deadline: ContinuousClock.Instant? = nil) -> Int32 {
        // It is not reaped before its session is dead: another process could get its number, and the signal.
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

    /// Runs a program to its end.
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
        // Who closed its output may run on.
        let status = child.end(killing: result.ending != .closed, by: deadline)
        return (result.output, result.errors, result.ending, status)
    }

    /// Writes the input and reads what comes until both outputs are closed, the deadline, too much came, or
    /// a process and its children hold too much memory.
    ///
    /// Of errors the first 4 KiB are kept, and with `untilOutputCloses` their end is not waited for.
    static func exchange(
        input: [UInt8], to writing: Descriptor, from reading: Descriptor, errors: Descriptor, limit: Int,
        deadline: ContinuousClock.Instant, untilOutputCloses: Bool = false,
        watching watched: (child: ChildProcess, memory: Int)
    ) -> (output: [UInt8], errors: [UInt8], ending: Ending) {
        let unblock = blockBrokenPipes()
        defer { unblock() }
        let look = Duration.milliseconds(100)
        for end in [writing, reading, errors] { _ = fcntl(end.number, F_SETFL, O_NONBLOCK) }
        var (output, said): ([UInt8], [UInt8]) = ([], [])
        var sent = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        if input.isEmpty { writing.close() }
        var nextLook = ContinuousClock.now + look
        while reading.isOpen || errors.isOpen && !untilOutputCloses {
            let left = (deadline - .now) / .milliseconds(1)
            guard left > 0 else { return (output, said, .deadline) }
            var polls = [
                pollfd(fd: writing.number, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors.number, events: Int16(POLLIN), revents: 0),
            ]
            if .now >= nextLook {
                if watched.child.residentBytes > watched.memory { return (output, said, .memoryLimit) }
                nextLook = .now + look
            }
            // A closed descriptor is -1, which poll passes over.
            guard poll(&polls, 3, Int32(min(left.rounded(.up), look / .milliseconds(1)))) > 0 else { continue }
            if polls[0].revents != 0 {
                let count = input.withUnsafeBytes {
                    write(writing.number, $0.baseAddress.map { $0 + sent }, $0.count - sent)
                }
                if count > 0 { sent += count }
                if sent == input.count || count < 0 && errno != EAGAIN && errno != EINTR { writing.close() }
            }
            for (place, end) in [(1, reading), (2, errors)] where polls[place].revents != 0 {
                let count = read(end.number, &buffer, buffer.count)
                if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { end.close() }
                guard count > 0 else { continue }
                if place == 1 { output += buffer[..<count] } else { said += buffer[..<min(count, 4096 - said.count)] }
                if output.count > limit { return (output, said, .outputLimit) }
            }
        }
        return (output, said, .closed)
    }

    /// Memory of the process and all below it, what they share counted for each; limits of address space bind each process
    /// alone.
    private var residentBytes: Int {
        var (sum, waiting) = (0, [Int(identifier)])
        while let process = waiting.popLast(), sum < Int.max / 2 {
            func text(_ file: String) -> String {
                (try? String(contentsOfFile: "/proc/\(process)/\(file)", encoding: .utf8)) ?? ""
            }
            // Files that are mapped, such as the interpreter's own, are not the program's.
            for line in text("status").split(separator: "\n")
            where line.hasPrefix("RssAnon:") || line.hasPrefix("RssShmem:") {
                sum += (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
            }
            // A child belongs to the thread that made it.
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
            waiting += threads.flatMap { text("task/\($0)/children").split(separator: " ").compactMap { Int($0) } }
        }
        return sum
    }

    /// Writing to a process that is gone would end this one: holds the signal off this thread until the result is called.
    private static func blockBrokenPipes() -> () -> Void {
        var (signals, before) = (sigset_t(), sigset_t())
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, &before)
        return { [signals, before] in
            var (signals, before, now) = (signals, before, timespec())
            while sigtimedwait(&signals, nil, &now) == SIGPIPE {}
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
    }
}

/// An open file of ours, closed when nobody holds it.
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

/// The two ends of a pipe, numbered above those that a child gets and closed in every child that is not given them.
struct Pipe {
    let reading: Descriptor
    let writing: Descriptor

    init() throws {
        var ends: [Int32] = [-1, -1]
        // No process starts while the low numbers, which it would inherit, are open.
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
