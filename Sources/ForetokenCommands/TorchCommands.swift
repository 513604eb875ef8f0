package import ArgumentParser
package import ForetokenDecoding
package import ForetokenModel
package import Foundation

/// What needs LibTorch: commands that `foretoken-torch` adds to those of `foretoken`, and what it does inside of them.
package struct TorchCommands: Sendable {
    /// `train` and `study`.
    package let commands: [any ParsableCommand.Type]
    /// Below `evaluate`.
    package let evaluations: [any ParsableCommand.Type]
    /// Below `bench`.
    package let benchmarks: [any ParsableCommand.Type]
    /// A model on a device: its weights, how they are held, the device, `--exact`, `--cuda-graphs`.
    package let decodeModel: @Sendable (any WeightSource, WeightFormat, String, Bool, Bool) throws -> DecodeModel
    /// Shows a recipe: its file and the `--world` asked for.
    package let inspectRecipe: @Sendable (URL, Int?) throws -> Void
    /// How many threads LibTorch uses; the kernels' too.
    package let setThreads: @Sendable (Int) -> Void

    package init(
        commands: [any ParsableCommand.Type], evaluations: [any ParsableCommand.Type],
        benchmarks: [any ParsableCommand.Type],
        decodeModel: @escaping @Sendable (any WeightSource, WeightFormat, String, Bool, Bool) throws -> DecodeModel,
        inspectRecipe: @escaping @Sendable (URL, Int?) throws -> Void, setThreads: @escaping @Sendable (Int) -> Void
    ) {
        (self.commands, self.evaluations, self.benchmarks) = (commands, evaluations, benchmarks)
        (self.decodeModel, self.inspectRecipe, self.setThreads) = (decodeModel, inspectRecipe, setThreads)
    }

    /// Nil in `foretoken`. Set before a command is parsed, and not after.
    nonisolated(unsafe) static var present: TorchCommands?

    /// Those of `foretoken-torch`, or else what replaces this process by it.
    static func required(for what: String) throws -> TorchCommands {
        if let present { return present }
        try TorchProgram.replaceThisProcess(for: what)
    }
}

/// `foretoken-torch`, which lies beside `foretoken` and takes the same arguments.
enum TorchProgram {
    private static let name = "foretoken-torch"

    private static let commands: Set<String> = ["train", "study"]
    private static let nested: [String: Set<String>] = ["evaluate": ["loss"], "bench": ["train", "memory", "device"]]

    /// The command that these arguments name, if only `foretoken-torch` has it.
    static func command(in arguments: [String]) -> String? {
        var words = arguments[...]
        if words.first == "help" { words = words.dropFirst().drop { $0 == "--" } }
        guard let first = words.first else { return nil }
        if commands.contains(first) { return first }
        guard let second = words.dropFirst().first, nested[first]?.contains(second) == true else { return nil }
        return "\(first) \(second)"
    }

    /// The device that these arguments of a command that decodes name, if it is another than the CPU.
    static func device(in arguments: [String]) -> String? {
        guard ["generate", "evaluate", "bench"].contains(arguments.first) else { return nil }
        let values =
            zip(arguments, arguments.dropFirst()).filter { $0.0 == "--device" }.map(\.1)
            + arguments.compactMap { $0.hasPrefix("--device=") ? String($0.dropFirst(9)) : nil }
        return values.last.flatMap { $0 == "cpu" ? nil : $0 }
    }

    /// The program beside this one.
    static var url: URL {
        let own = "/proc/self/exe"
        let path = FileManager.default.fileExists(atPath: own) ? own : CommandLine.arguments.first ?? "foretoken"
        return URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name)
    }

    /// Whether there is such a program.
    static var isThere: Bool { FileManager.default.isExecutableFile(atPath: url.path) }

    /// Set for the program that takes this one's place, which takes it back: one that is this one would go on for ever.
    static let marker = "FORETOKEN_TORCH_PROGRAM"

    /// Runs it with this process's arguments instead of this program, as git runs its commands.
    static func replaceThisProcess(for what: String) throws -> Never {
        let path = url.path
        guard getenv(marker) == nil else {
            throw CommandFailure(
                description: "\(path): is not the program with LibTorch; `make build` in Foretoken's checkout makes it")
        }
        setenv(marker, "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv(path, &arguments)
        let reason = errno
        for argument in arguments { free(argument) }
        throw CommandFailure(
            description: reason == ENOENT
                ? "\(what) needs LibTorch: there is no \(name) beside this program; `make build` in Foretoken's checkout builds both"
                : "\(path): cannot run it: \(String(cString: strerror(reason)))")
    }
}

/// A command that `foretoken-torch` has, for the lists of commands in help.
struct TorchOnly {
    struct Train: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Train a model from a recipe, or resume the run in the folder.")
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken train'") }
    }

    struct Study: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Train a recipe in many variants, measure each, and compare them in one table and one plot.")
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken study'") }
    }

    struct BenchTrain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "train", abstract: "Speed and bytes of training steps of a shape, AdamW and clipping included."
        )
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken bench train'") }
    }

    struct BenchMemory: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "memory", abstract: "Peak bytes of a training step against n, for every objective.")
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken bench memory'") }
    }

    struct BenchDevice: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "device",
            abstract: "Check a GPU against the CPU: gradients of every objective and head kind, and decoded texts.")
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken bench device'") }
    }

    struct Loss: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Loss, bits per byte and acceptance of every head.")
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken evaluate loss'") }
    }
}
