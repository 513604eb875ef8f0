import ForetokenFiles
import ForetokenTraining
import Foundation

/// A child process of a study, running this program: its standard output is captured, its standard error appended to a log.
final class StudyProcess {
    let identifier: pid_t
    private let output: Int32
    private let log: URL
    /// The length of the log before the process started.
    private let logStart: UInt64
    private(set) var status: Int32?

    /// Starts this program with the given arguments.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - log: the file for standard error.
    ///   - threads: the number of CPU threads; the program's default if nil.
    ///   - lifeline: the read end of a pipe; the process exits when the write end is closed.
    ///   - lock: the descriptor of a file lock that the process keeps until it exits.
    /// - Throws: ``StudyError/system(path:action:reason:)``.
    init(_ arguments: [String], log: URL, threads: Int?, lifeline: Int32, lock: Int32) throws {
        self.log = log
        let errors = open(log.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard errors >= 0 else { throw Self.failure(log.relativePath, "open") }
        defer { close(errors) }
        logStart = UInt64(max(0, lseek(errors, 0, SEEK_END)))
        output = try Self.unnamedFile()
        var environment = ProcessInfo.processInfo.environment
        if let threads { environment["OMP_NUM_THREADS"] = String(threads) }
        environment[Lifeline.variable] = "1"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for (own, theirs) in [
            (output, STDOUT_FILENO), (errors, STDERR_FILENO), (lifeline, Lifeline.numbers.pipe),
            (lock, Lifeline.numbers.lock),
        ] { posix_spawn_file_actions_adddup2(&actions, own, theirs) }
        // An own process group: a terminal's Ctrl-C reaches only the study, which forwards it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var argv = (["foretoken"] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var process = pid_t()
        let code = posix_spawn(&process, "/proc/self/exe", &actions, &attributes, &argv, &envp)
        guard code == 0 else {
            close(output)
            throw StudyError.system(
                path: "foretoken \(arguments.first ?? "")", action: "start", reason: String(cString: strerror(code)))
        }
        identifier = process
    }

    deinit { close(output) }

    private static func failure(_ path: String, _ action: String) -> StudyError {
        .system(path: path, action: action, reason: String(cString: strerror(errno)))
    }

    /// An unlinked temporary file, deleted when it is closed.
    private static func unnamedFile() throws -> Int32 {
        let template = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-XXXXXX").path
        var path = Array(template.utf8CString)
        let file = mkstemp(&path)
        guard file >= 0 else { throw failure(template, "create") }
        unlink(path)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        return file
    }

    /// Whether the process has exited; does not block.
    func hasEnded() -> Bool {
        if status != nil { return true }
        var found: Int32 = 0
        guard waitpid(identifier, &found, WNOHANG) == identifier else { return false }
        status = found
        return true
    }

    /// Sends SIGTERM, on which a training saves a checkpoint and exits.
    func stop() { if status == nil { kill(identifier, SIGTERM) } }

    /// The exit code; nil if the process is running or was killed by a signal.
    var exitCode: Int32? { status.flatMap { $0 & 0x7F == 0 ? $0 >> 8 & 0xFF : nil } }

    /// The JSON object on the last line of standard output.
    func answer() -> JSONValue? {
        let text = Self.tail(of: output, from: 0)
        guard let line = text.split(separator: "\n").last else { return nil }
        guard let value = try? JSONValue(parsing: String(line), file: "output"), case .object = value else {
            return nil
        }
        return value
    }

    /// Why the process failed: its last error message, or its exit status.
    var reason: String {
        if let status, status & 0x7F != 0 {
            let name = String(cString: strsignal(status & 0x7F))
            return "was killed by signal \(status & 0x7F) (\(name)); see \(log.relativePath)"
        }
        let file = open(log.path, O_RDONLY | O_CLOEXEC)
        defer { if file >= 0 { close(file) } }
        let lines = file >= 0 ? Self.tail(of: file, from: logStart).split(separator: "\n") : []
        let last = lines.last { $0.hasPrefix("Error: ") }.map { String($0.dropFirst(7)) } ?? lines.last.map(String.init)
        return last ?? "failed with exit code \(exitCode ?? 0)"
    }

    /// The last MiB of a file after offset `start`.
    private static func tail(of file: Int32, from start: UInt64) -> String {
        let size = 1 << 20
        let end = Int(max(0, lseek(file, 0, SEEK_END)))
        let begin = max(Int(start), end - size)
        var bytes = [UInt8](repeating: 0, count: max(0, end - begin))
        let count = pread(file, &bytes, bytes.count, begin)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
