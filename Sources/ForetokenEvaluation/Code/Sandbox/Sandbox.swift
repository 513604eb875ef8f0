import ForetokenFiles
import Foundation
import Synchronization

/// A sandbox for untrusted programs based on bubblewrap: no network, a read-only system, a private `/tmp`, a PID namespace, an
/// unprivileged user, resource limits, and a system call filter.
public struct Sandbox: Sendable {
    /// Resource limits.
    public struct Limits: Sendable, Equatable {
        /// Seconds per program; scaled up on a slow machine.
        public var seconds = 3.0
        /// Bytes of address space per process, and of memory for all processes together.
        public var memory = 1 << 30
        /// Simultaneous processes and threads.
        public var processes = 32
        /// Bytes per file, and for the private `/tmp` if bubblewrap supports limiting it.
        public var fileSize = 64 << 20
        /// Bytes of standard output.
        public var output = 16 << 20
        /// Open files per process.
        public var openFiles = 64
        /// Creates the default limits.
        public init() {}
    }

    /// The limits.
    public var limits: Limits
    /// The path of the interpreter, with shims resolved.
    public let python: String
    /// The bubblewrap command; nil without a sandbox.
    let bubblewrap: [String]?

    private static let remedy =
        "install it (apt-get install bubblewrap), or give --unsafe-no-sandbox to run untrusted programs with your own rights"

    /// Finds the interpreter and bubblewrap, and tests both.
    ///
    /// - Throws: ``EvaluationError`` if either is missing or does not work on this machine.
    public init(python name: String = "python3", limits: Limits = Limits(), isUnsafe: Bool = false) throws {
        self.limits = limits
        let found = try Executable.find(name, remedy: "install it (apt-get install python3), or give another --python")
        let query = try ChildProcess.output(
            of: [
                found, "-I", "-c",
                "import json, os, sys; print(json.dumps([os.path.abspath(sys.executable), sys.prefix, sys.base_prefix, "
                    + "os.path.realpath(sys.executable), sys.version_info[:2] >= (3, 10)]))",
            ], environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }, limit: 1 << 16,
            deadline: .now + .seconds(60))
        func bad(_ reason: String) -> EvaluationError {
            .program(name, reason: reason, remedy: "give a Python 3.10 or newer with --python")
        }
        guard query.status == 0, query.ending == .closed,
            case .array(let parts) = try? JSONValue(parsing: String(decoding: query.output, as: UTF8.self), file: name),
            parts.count == 5, case .string(let executable) = parts[0], case .string(let prefix) = parts[1],
            case .string(let base) = parts[2], case .string(let real) = parts[3]
        else { throw bad("does not run: \(String(decoding: query.errors.prefix(200), as: UTF8.self))") }
        guard parts[4] == .bool(true) else { throw bad("is too old") }
        // Links outside these folders are not visible in the sandbox and are resolved; that of a virtual environment is kept.
        python = [prefix, base, "/usr"].contains { executable.hasPrefix($0 + "/") } ? executable : real
        guard !isUnsafe else {
            bubblewrap = nil
            return
        }
        let program = try Executable.find("bwrap", remedy: Self.remedy)
        let help = try ChildProcess.output(of: [program, "--help"], limit: 1 << 20, deadline: .now + .seconds(60))
        let supportsSize = String(decoding: help.output + help.errors, as: UTF8.self).contains("--size ")
        let interpreter = Set([prefix, base, (real as NSString).deletingLastPathComponent]).filter { $0 != "/" }
        bubblewrap = Self.arguments(
            program, interpreter: interpreter.sorted(), temporaryBytes: supportsSize ? limits.fileSize : nil)
        let trial = try execute("print(1)", input: "", seconds: 10)
        guard trial.status == 0, trial.output == Array("1\n".utf8) else {
            let message = String(decoding: trial.errors.prefix(300), as: UTF8.self)
            throw EvaluationError.program(
                program,
                reason: "does not work here: \(message.trimmingCharacters(in: .whitespacesAndNewlines))",
                remedy:
                    "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
                    + "kernel.apparmor_restrict_unprivileged_userns=0), or give --unsafe-no-sandbox to run untrusted programs with your own rights"
            )
        }
    }

    /// Whether programs run without a sandbox, with the user's rights.
    public var isUnsafe: Bool { bubblewrap == nil }

    private static var isRoot: Bool { geteuid() == 0 }

    private static func arguments(_ program: String, interpreter: [String], temporaryBytes: Int?) -> [String] {
        var all = [program, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        // Root does not need a user namespace, and the process limit would not apply to it in one. Instead, the harness switches
        // to an unprivileged user, for which it keeps two capabilities.
        all +=
            isRoot ? ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] : ["--unshare-user"]
        if !SystemCallFilter.program.isEmpty { all += ["--seccomp", String(ChildProcess.filterNumber)] }
        all += ["--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr"]
        for folder in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder) {
                all += ["--symlink", target, folder]
            } else {
                all += ["--ro-bind-try", folder, folder]
            }
        }
        for file in ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"] {
            all += ["--ro-bind-try", file, file]
        }
        // Before the interpreter, which may be in a virtual environment under /tmp.
        if let temporaryBytes { all += ["--size", String(temporaryBytes)] }
        all += ["--perms", "1777", "--tmpfs", "/tmp"]
        for folder in interpreter where !folder.hasPrefix("/usr/") && folder != "/usr" {
            // Created explicitly, since bubblewrap would create parent folders that only root can read.
            var parent = ""
            for part in folder.split(separator: "/").dropLast() {
                parent += "/\(part)"
                all += ["--perms", "0755", "--dir", parent]
            }
            all += ["--ro-bind", folder, folder]
        }
        all += ["--proc", "/proc", "--dev", "/dev"]
        return all + ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]
    }

    /// The environment of programs.
    static let environment = [
        "PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1",
        "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1",
    ]

    /// The command that runs one of the harness's scripts.
    func command(_ harness: String, cpuSeconds: Int) throws -> [String] {
        var resources: JSONObject = JSONObject()
        resources["CPU"] = .integer(cpuSeconds)
        resources["AS"] = .integer(limits.memory)
        resources["FSIZE"] = .integer(limits.fileSize)
        resources["NOFILE"] = .integer(limits.openFiles)
        resources["CORE"] = 0
        // Without a namespace, the limit would also count the user's other processes.
        if !isUnsafe { resources["NPROC"] = .integer(limits.processes) }
        let user = Self.isRoot && !isUnsafe ? Self.nextUser() : 0
        let settings: JSONValue = [
            "uid": .integer(user), "resources": .object(resources),
            // Whether two descriptors stay open beyond the standard ones.
            "tests": .bool(harness != Harness.program),
        ]
        return (bubblewrap ?? []) + [python, "-I", "-S", "-c", harness, try settings.text()]
    }

    /// The seccomp filter for bubblewrap.
    var filter: [UInt8] { isUnsafe ? [] : SystemCallFilter.program }

    /// Starts one of the harness's scripts.
    func start(
        _ harness: String, cpuSeconds: Int, descriptors: [(own: Int32, theirs: Int32)]
    ) throws -> ChildProcess {
        try ChildProcess(
            command(harness, cpuSeconds: cpuSeconds), environment: Self.environment, descriptors: descriptors,
            filter: filter)
    }

    private static let usersTaken = Atomic(0)

    /// An unused user ID, different for every process: process limits are counted per user, and processes of the previous program
    /// may still be exiting.
    private static func nextUser() -> Int {
        let taken = usersTaken.add(1, ordering: .relaxed).newValue
        return 1_000_000_000 + (Int(getpid()) * 4096 + taken) % 1_000_000_000
    }
}
