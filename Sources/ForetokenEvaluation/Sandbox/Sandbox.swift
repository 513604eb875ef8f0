import ForetokenFiles
import Foundation
import Synchronization

/// Where untrusted programs run: bubblewrap, with no network, a read-only system, a private `/tmp`, a process namespace of
/// its own, an unprivileged user, limits, and a filter of system calls.
public struct Sandbox: Sendable {
    /// What a program may use.
    public struct Limits: Sendable, Equatable {
        /// Seconds of the tests, of which a slow machine gets more.
        public var seconds = 3.0
        /// Bytes of address space of each process, and of memory of all of them.
        public var memory = 1 << 30
        /// Processes and threads at one time.
        public var processes = 32
        /// Bytes of a file, and of the private `/tmp` where bubblewrap can bound it.
        public var fileSize = 64 << 20
        /// Bytes of standard output.
        public var output = 16 << 20
        /// Open files.
        public var openFiles = 64
        /// The defaults.
        public init() {}
    }

    /// The limits.
    public var limits: Limits
    /// The interpreter itself, not a shim that looks for one.
    public let python: String
    /// bubblewrap; nil without a sandbox.
    let bubblewrap: [String]?

    private static let remedy =
        "install it (apt-get install bubblewrap), or give --unsafe-no-sandbox to run untrusted programs with your own rights"

    /// Finds the interpreter and bubblewrap, and tries both.
    ///
    /// - Throws: ``EvaluationError``, if either is missing or does not work here.
    public init(python name: String = "python3", limits: Limits = Limits(), isUnsafe: Bool = false) throws {
        self.limits = limits
        let found = try Executable.find(name, remedy: "install it (apt-get install python3), or name another --python")
        let asked = try ChildProcess.output(
            of: [
                found, "-I", "-c",
                "import json, os, sys; print(json.dumps([os.path.abspath(sys.executable), sys.prefix, sys.base_prefix, "
                    + "os.path.realpath(sys.executable), sys.version_info[:2] >= (3, 10)]))",
            ], environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }, limit: 1 << 16,
            deadline: .now + .seconds(60))
        func bad(_ reason: String) -> EvaluationError {
            .program(name, reason: reason, remedy: "name a Python 3.10 or newer with --python")
        }
        guard asked.status == 0, asked.ending == .closed,
            case .array(let parts) = try? JSONValue(parsing: String(decoding: asked.output, as: UTF8.self), file: name),
            parts.count == 5, case .string(let executable) = parts[0], case .string(let prefix) = parts[1],
            case .string(let base) = parts[2], case .string(let real) = parts[3]
        else { throw bad("does not run: \(String(decoding: asked.errors.prefix(200), as: UTF8.self))") }
        guard parts[4] == .bool(true) else { throw bad("is too old") }
        // A virtual environment's link is visible in the sandbox, any other link is not.
        python = [prefix, base, "/usr"].contains { executable.hasPrefix($0 + "/") } ? executable : real
        guard !isUnsafe else {
            bubblewrap = nil
            return
        }
        let program = try Executable.find("bwrap", remedy: Self.remedy)
        let help = try ChildProcess.output(of: [program, "--help"], limit: 1 << 20, deadline: .now + .seconds(60))
        let knowsSize = String(decoding: help.output + help.errors, as: UTF8.self).contains("--size ")
        let interpreter = Set([prefix, base, (real as NSString).deletingLastPathComponent]).filter { $0 != "/" }
        bubblewrap = Self.arguments(
            program, interpreter: interpreter.sorted(), temporaryBytes: knowsSize ? limits.fileSize : nil)
        let tried = try ChildProcess.output(
            of: command(Harness.standardInput, cpuSeconds: 10), input: Array("8\nprint(1)".utf8),
            environment: Self.environment, limit: 1 << 16, deadline: .now + .seconds(60), filter: filter)
        guard tried.status == 0, tried.output == Array("1\n".utf8) else {
            let said = String(decoding: tried.errors.prefix(300), as: UTF8.self)
            throw EvaluationError.program(
                program,
                reason: "does not work here: \(said.trimmingCharacters(in: .whitespacesAndNewlines))",
                remedy:
                    "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
                    + "kernel.apparmor_restrict_unprivileged_userns=0), or give --unsafe-no-sandbox to run untrusted programs with your own rights"
            )
        }
    }

    /// Whether programs run with the user's own rights.
    public var isUnsafe: Bool { bubblewrap == nil }

    private static var isRoot: Bool { geteuid() == 0 }

    private static func arguments(_ program: String, interpreter: [String], temporaryBytes: Int?) -> [String] {
        var all = [program, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        // Root needs no user namespace, and the limit of processes would not bind it in one: the harness takes another
        // user's rights on instead, for which it keeps two capabilities until then.
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
        for folder in interpreter where !folder.hasPrefix("/usr/") && folder != "/usr" {
            // bubblewrap would make the folders above it for root alone.
            var above = ""
            for part in folder.split(separator: "/").dropLast() {
                above += "/\(part)"
                all += ["--perms", "0755", "--dir", above]
            }
            all += ["--ro-bind", folder, folder]
        }
        all += ["--proc", "/proc", "--dev", "/dev"]
        if let temporaryBytes { all += ["--size", String(temporaryBytes)] }
        return all + [
            "--perms", "1777", "--tmpfs", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--",
        ]
    }

    /// All that a program sees of the environment.
    static let environment = [
        "PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1",
        "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1",
    ]

    /// The command that runs a side of the harness.
    func command(_ harness: String, cpuSeconds: Int) throws -> [String] {
        var resources: JSONObject = JSONObject()
        resources["CPU"] = .integer(cpuSeconds)
        resources["AS"] = .integer(limits.memory)
        resources["FSIZE"] = .integer(limits.fileSize)
        resources["NOFILE"] = .integer(limits.openFiles)
        resources["CORE"] = 0
        // Without a namespace the user's other processes count, too.
        if !isUnsafe { resources["NPROC"] = .integer(limits.processes) }
        let user = Self.isRoot && !isUnsafe ? Self.nextUser() : 0
        let settings: JSONValue = [
            "uid": .integer(user), "resources": .object(resources), "tests": .bool(harness == Harness.tests),
        ]
        return (bubblewrap ?? []) + [python, "-I", "-S", "-c", harness, try settings.text()]
    }

    /// What bubblewrap reads beside its arguments.
    var filter: [UInt8] { isUnsafe ? [] : SystemCallFilter.program }

    /// Starts a side of the harness.
    func start(
        _ harness: String, cpuSeconds: Int, descriptors: [(own: Int32, theirs: Int32)]
    ) throws -> ChildProcess {
        try ChildProcess(
            command(harness, cpuSeconds: cpuSeconds), environment: Self.environment, descriptors: descriptors,
            filter: filter)
    }

    private static let usersTaken = Atomic(0)

    /// A user number that nobody has. Each side of each grading takes another, since limits of processes are counted by
    /// user and those of the last program may still be ending.
    private static func nextUser() -> Int {
        let taken = usersTaken.add(1, ordering: .relaxed).newValue
        return 1_000_000_000 + (Int(getpid()) * 4096 + taken) % 1_000_000_000
    }
}
