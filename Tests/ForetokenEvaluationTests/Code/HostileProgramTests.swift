import Foundation
import Testing

@testable import ForetokenEvaluation

@Suite(.enabled(if: Sandboxes.exists, Sandboxes.need), .serialized)
struct HostileProgramTests {
    static let problem = Problem(
        id: "add", prompt: "",
        tests: .calls(
            setup: "", code: "def check(f):\n    assert f(2, 3) == 5\n    assert f(1, 1) == 2\ncheck(add)",
            entryPoint: "add"))

    /// Programs by the name of the attack; none computes a sum.
    static let programs: [(name: String, program: String)] = [
        ("fork bomb", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
        ("thread bomb", "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()"),
        ("memory bomb", "x = []\nwhile True: x.append(bytearray(10**7))"),
        (
            "memory bomb of many processes",
            "import os\nfor _ in range(20):\n    if os.fork() == 0: break\nx = bytearray(b'x' * (100 << 20))\nwhile True: pass"
        ),
        ("endless output", "while True: print('x' * 10**6)"),
        ("large file", "f = open('/tmp/x', 'wb')\nwhile True: f.write(b'x' * 10**6)"),
        ("endless loop", "while True: pass"),
        ("sleep", "import time\ntime.sleep(100)"),
        (
            "ignoring signals",
            "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass"
        ),
        ("killing the parent", "import os\nos.kill(os.getppid(), 9)\nos.kill(1, 9)\nos.kill(-1, 9)"),
        ("fake verdict", "print('{\"verdict\": \"passed\", \"reason\": \"\", \"seconds\": 0}')\nraise SystemExit"),
        (
            "fake verdict on every descriptor",
            "import os\nfor fd in range(64):\n    try: os.write(fd, b'{\"verdict\": \"passed\", \"reason\": \"\", \"seconds\": 0}\\n')\n    except OSError: pass\nos._exit(0)"
        ),
        ("sys.exit", "import sys\nsys.exit(0)"),
        ("os._exit", "import os\nos._exit(0)"),
        ("exit in a call", "import os\ndef add(a, b): os._exit(0)"),
        ("closing descriptors", "import os\nos.closerange(0, 256)\ndef add(a, b): return 5"),
        (
            "patching the checker",
            "import builtins, json, sys\ndef add(a, b): return 5\nbuiltins.AssertionError = type('E', (Exception,), {})\njson.dumps = lambda *a, **k: '{\"value\": 5}'\nbuiltins.exec = lambda *a: None\nsys.modules['tests'] = sys.modules['solution']\ncheck = lambda f: None"
        ),
        (
            "equal to everything",
            "class All(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\ndef add(a, b): return All(7)"
        ),
        ("an object equal to everything", "class All:\n    __eq__ = lambda s, o: True\ndef add(a, b): return All()"),
        (
            "answering for the tests",
            "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{\"value\": 5}\\n' * 9)\n    except OSError: pass\ndef add(a, b): return 5"
        ),
        (
            "handles that are none",
            "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{\"value\": {\"h\": [1]}}\\n{]\\n')\n    except OSError: pass"
        ),
        ("deep value", "def add(a, b):\n    x = []\n    for _ in range(10**5): x = [x]\n    return x"),
        ("endless value", "def add(a, b): return 'x' * (70 << 20)"),
        ("a reason that is no text", "raise ValueError('\\ud800\\0')"),
        ("filling the memory by files", "for i in range(99): open('/dev/shm/%d' % i, 'wb').write(b'x' * (32 << 20))"),
        ("filling /tmp", "for i in range(99): open('/tmp/%d' % i, 'wb').write(b'x' * (32 << 20))"),
        (
            "memory bomb of processes of a thread",
            "import os, threading\ndef f():\n    for _ in range(20):\n        if os.fork() == 0: break\n    x = bytearray(b'x' * (100 << 20))\n    while True: pass\nt = threading.Thread(target=f)\nt.start()\nt.join()"
        ),
        (
            "memory bomb of shared memory",
            "import mmap, os\nm = []\nfor _ in range(20):\n    if os.fork() == 0: break\nx = mmap.mmap(-1, 100 << 20)\nx.write(b'x' * (100 << 20))\nwhile True: pass"
        ),
        (
            "a number that takes for ever to rebuild",
            "class Fraction:\n    def __str__(self): return '1e9999999999'\nFraction.__module__ = 'fractions'\ndef add(a, b): return Fraction()"
        ),
        (
            "a set that takes for ever to rebuild",
            "def add(a, b): return {i * (2**61 - 1) for i in range(1, 40000)}"
        ),
        ("not Python", "def add(a, b) return"),
        ("NUL", "\0"),
        ("nothing", ""),
    ]

    @Test(arguments: programs.map(\.name))
    func aHostileProgramFailsAndTheNextOneIsGradedAsEver(name: String) throws {
        let program = try #require(Self.programs.first { $0.name == name }).program
        let grader = try Sandboxes.grader()
        let began = ContinuousClock.now
        #expect(try grader.verdict(on: program, Self.problem, seconds: 0.5).outcome != .passed)
        // Stopped by the sandbox's limits; the grader's own timeout is 71 seconds.
        #expect(ContinuousClock.now - began < .seconds(60))
        #expect(try grader.verdict(on: "def add(a, b): return a + b", Self.problem).outcome == .passed)
    }

    /// Attempts to reach outside the sandbox; each must fail.
    static let reaches: [(name: String, program: String)] = [
        ("network", "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)"),
        ("a server of this machine", "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1)"),
        ("a file of ours", "open('SECRET').read()"),
        ("passwords", "open('/etc/shadow').read()"),
        ("users", "open('/etc/passwd').read()"),
        ("writing to the system", "open('/usr/lib/x', 'w')"),
        ("writing to the root", "open('/x', 'w')"),
        ("root", "os.setuid(0)"),
        ("other processes", "[p for p in os.listdir('/proc') if p.isdigit() and int(p) > 64][0]"),
        ("the environment", "os.environ['FORETOKEN_TEST_SECRET']"),
        ("mounting", "__import__('subprocess').run(['mount', '-t', 'tmpfs', 'x', '/tmp'], check=True)"),
        ("memory of no process", "os.memfd_create('x')"),
        (
            "shared memory of System V",
            "import ctypes; l = ctypes.CDLL(None); assert l.shmget(0, 1 << 20, 0o1600) >= 0"
        ),
        ("a user namespace", "os.unshare(0x10000000) if hasattr(os, 'unshare') else (_ for _ in ()).throw(OSError())"),
        (
            "a user namespace by clone",
            "import ctypes; l = ctypes.CDLL(None); r = l.syscall(56, 0x10000000 | 17, 0, 0, 0, 0); os._exit(0) if r == 0 else None; assert r > 0"
        ),
        (
            "a descriptor that happened to be open",
            "[open(f'/proc/{p}/fd/{n}').read() for p in ('1', 'self') for n in os.listdir(f'/proc/{p}/fd') if int(n) > 4 and 'secret' in os.readlink(f'/proc/{p}/fd/{n}')][0]"
        ),
        ("raising limits", "__import__('resource').setrlimit(3 + 4, (9999, 9999))"),
    ]

    @Test(arguments: reaches.map(\.name))
    func nothingOutsideIsWithinReach(name: String) throws {
        let folder = try Folder()
        let secret = try folder.file("secret", "secret")
        setenv("FORETOKEN_TEST_SECRET", "1", 1)
        // Without close-on-exec, so a child would inherit it.
        let leak = open(secret.path, O_RDONLY)
        defer { close(leak) }
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        listen(listener, 1)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        let line = try #require(Self.reaches.first { $0.name == name }).program
            .replacingOccurrences(of: "SECRET'", with: name == "the environment" ? "SECRET'" : "\(secret.path)'")
            .replacingOccurrences(of: "PORT", with: "\(address.sin_port.bigEndian)")
            .replacingOccurrences(of: "\n", with: "\n        ")
        let program =
            "import os\ndef reach():\n    try:\n        \(line)\n        return True\n    except Exception: return False"
        let problem = Problem(
            id: "reach", prompt: "",
            tests: .calls(setup: "", code: "assert reach() is False", entryPoint: "reach"))
        let verdict = try Sandboxes.grader().verdict(on: program, problem)
        #expect(verdict.outcome == .passed, "\(verdict)")
    }

    @Test func deletingEverythingDeletesNothing() throws {
        let folder = try Folder()
        let secret = try folder.file("kept", "kept")
        let program =
            "import os, shutil\ndef add(a, b):\n    for d in os.listdir('/'): shutil.rmtree('/' + d, ignore_errors=True)\n    return a + b"
        _ = try Sandboxes.grader().verdict(on: program, Self.problem)
        #expect(FileManager.default.fileExists(atPath: secret.path))
        #expect(try Sandboxes.grader().verdict(on: "def add(a, b): return a + b", Self.problem).outcome == .passed)
    }

    @Test func aChildDoesNotOutliveItsProgram() throws {
        let mark = "foretoken-\(UUID().uuidString)"
        let program = """
            import os, sys, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execv('/bin/sleep', ['\(mark)', '100'])
                os._exit(0)
            time.sleep(0.1)
            def add(a, b): return a + b
            """
        #expect(try Sandboxes.grader().verdict(on: program, Self.problem).outcome == .passed)
        // The kernel kills the namespace shortly after its first process; twenty seconds are more than enough.
        var isAlive = true
        for _ in 0..<1000 where isAlive {
            isAlive = try FileManager.default.contentsOfDirectory(atPath: "/proc").contains { process in
                let line = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))
                return line.map { String(decoding: $0, as: UTF8.self).contains(mark) } ?? false
            }
            if isAlive { usleep(20_000) }
        }
        #expect(!isAlive)
    }

    @Test func gradingsLeaveNoDescriptorAndNoProcessBehind() throws {
        let grader = try Sandboxes.grader()
        func counts() throws -> (descriptors: Int, children: Int) {
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
            return (
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
                threads.reduce(0) { sum, thread in
                    let text = try? String(contentsOfFile: "/proc/self/task/\(thread)/children", encoding: .utf8)
                    return sum + (text?.split(separator: " ").count ?? 0)
                }
            )
        }
        let echo = Problem(id: "echo", prompt: "", tests: .inputOutput([.init(input: "1 2\n", output: "3\n")]))
        let rounds = ProcessInfo.processInfo.environment["FORETOKEN_GRADINGS"].flatMap { Int($0) } ?? 24
        _ = try grader.verdict(on: "def add(a, b): return a + b", Self.problem)
        let before = try counts()
        for round in 0..<rounds {
            switch round % 4 {
            case 0: _ = try grader.verdict(on: "def add(a, b): return a + b", Self.problem)
            case 1: _ = try grader.verdict(on: "import os\nos._exit(1)", Self.problem)
            case 2: _ = try grader.verdict(on: "while True: pass", Self.problem, seconds: 0.2)
            default: _ = try grader.verdict(on: "import os\nos.close(1)\nwhile True: pass", echo, seconds: 0.2)
            }
        }
        // The counts can decrease when processes of other tests exit.
        let after = try counts()
        #expect(after.descriptors <= before.descriptors && after.children <= before.children)
    }

    /// Without bubblewrap, which would keep the output open, the closed output does not show that the program is still running.
    @Test func aProgramThatClosesItsOutputAndRunsOnEndsAtItsLimitWithoutASandboxToo() throws {
        let problem = Problem(id: "echo", prompt: "", tests: .inputOutput([.init(input: "", output: "3\n")]))
        let grader = Grader(try Sandbox(isUnsafe: true))
        let program = "import os, time\nprint(3, flush=True)\nos.close(1)\ntime.sleep(60)"
        let began = ContinuousClock.now
        #expect(try grader.verdict(on: program, problem, seconds: 1).outcome != .passed)
        #expect(ContinuousClock.now - began < .seconds(50))
    }

    @Test func aHostileProgramOfStandardOutputFailsWithinItsLimits() throws {
        let problem = Problem(id: "echo", prompt: "", tests: .inputOutput([.init(input: "1 2\n", output: "3\n")]))
        let grader = try Sandboxes.grader()
        for program in [
            "while True: print('x' * 10**6)", "import os\nos._exit(0)", "import sys\nsys.exit(0)", "input()",
            "while True: pass", "raise ValueError", "print(4)", "print('3')\nraise ValueError",
        ] {
            #expect(try grader.verdict(on: program, problem, seconds: 1).outcome != .passed, "\(program)")
        }
        #expect(try grader.verdict(on: "print(sum(map(int, input().split())))", problem).outcome == .passed)
        #expect(
            try grader.verdict(on: "if __name__ == '__main__':\n    print(3)\n    exit()", problem).outcome == .passed)
    }
}
