extension Sandbox {
    /// What a program did that reads standard input and writes standard output.
    struct Execution {
        var output: [UInt8]
        var errors: [UInt8]
        var ending: ChildProcess.Ending
        var status: Int32
        /// From when the program had its input; nil if its process did not come so far.
        var seconds: Double?
    }

    /// The time that a sandbox and an interpreter have to start, which is no program's fault.
    private static let startSeconds = 60.0

    /// Runs a Python program.
    func execute(_ program: String, input: String, seconds: Double) throws -> Execution {
        // Files and not pipes: nothing is transferred while the program's time runs.
        let (source, input) = (try InputFile(program), try InputFile(input))
        let (output, errors) = (try Pipe(), try Pipe())
        let child = try start(
            Harness.standardInput, cpuSeconds: Int(seconds.rounded(.up)) + 1,
            descriptors: [
                (input.descriptor.number, 0), (output.writing.number, 1), (errors.writing.number, 2),
                (source.descriptor.number, 3),
            ])
        for end in [output.writing, errors.writing, input.descriptor, source.descriptor] { end.close() }
        let found = ChildProcess.exchange(
            input: [], to: Descriptor(-1), from: output.reading, errors: errors.reading, limit: limits.output,
            deadline: .now + .seconds(Self.startSeconds), start: (Harness.ready, seconds),
            watching: (child, limits.memory))
        // A process can close its output and continue running.
        let status = child.end(
            killing: found.ending != .closed || found.started == nil, by: (found.started ?? .now) + .seconds(seconds))
        return Execution(
            output: found.output, errors: found.errors, ending: found.ending, status: status,
            seconds: found.started.map { (ContinuousClock.now - $0) / .seconds(1) })
    }
}
