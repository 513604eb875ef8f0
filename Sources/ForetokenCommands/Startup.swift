import ArgumentParser
import ForetokenDecoding
import ForetokenFiles
// stdin, stdout and stderr are variables to the importer.
@preconcurrency import Foundation

/// Set-up of the process before a command runs.
enum Startup {
    /// Descriptors and signals. Before anything is awaited: Swift's runtime opens files of its own then.
    static func prepareProcess() {
        // Where a shell closed one of the three (`2>&-`), the next file opened would take its number and receive its text.
        while true {
            let descriptor = open("/dev/null", O_RDWR)
            if descriptor > STDERR_FILENO { close(descriptor) }
            if descriptor < 0 || descriptor > STDERR_FILENO { break }
        }
        // A closed pipe (`| head -1`) ends the process quietly, even if the parent ignores or blocks SIGPIPE. A file larger
        // than `ulimit -f` becomes a failed write instead of a signal.
        signal(SIGPIPE, SIG_DFL)
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        signal(SIGXFSZ, SIG_IGN)
    }

    static func checkInvocation() throws {
        try requireUTF8Arguments()
        if let name = getenv("FORETOKEN_ISA").map({ String(cString: $0) }), !name.isEmpty,
            name != CPUKernels.instructionSet
        {
            throw ValidationError(
                "FORETOKEN_ISA=\(name): this processor does not have this instruction set; unset it, or use portable, avx2, avx512 "
                    + "or avx512vnni, whichever the processor supports")
        }
    }

    /// Refuses arguments that are not UTF-8: Swift would repair them, and so name another file or continue another text.
    private static func requireUTF8Arguments() throws {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw ValidationError(
                    "argument \(index) ('\(CommandLine.arguments[index])') is not UTF-8; rename the file or convert the text"
                )
            }
        }
    }

    /// Flushes standard output and reports a failure, such as a full disk, which `print` ignores.
    static func finishOutput() throws {
        guard fflush(stdout) == 0, ferror(stdout) == 0 else {
            throw CommandFailure(description: "standard output: cannot write: \(String(cString: strerror(errno)))")
        }
    }
}

/// A failure described in one sentence.
package struct CommandFailure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}
