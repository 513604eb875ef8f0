package import ArgumentParser
package import ForetokenDecoding
package import ForetokenModel
package import Foundation

/// The commands and functions that need LibTorch, which `foretoken-torch` adds to those of `foretoken`.
package struct TorchCommands: Sendable {
    /// `train` and `study`.
    package let commands: [any ParsableCommand.Type]
    /// Subcommands of `evaluate`.
    package let evaluations: [any ParsableCommand.Type]
    /// Subcommands of `bench`.
    package let benchmarks: [any ParsableCommand.Type]
    /// Loads a model: its weights, their format, the device, `--exact`, `--cuda-graphs`.
    package let decodeModel: @Sendable (any WeightSource, WeightFormat, String, Bool, Bool) throws -> DecodeModel
    /// Describes a recipe: its file and the `--world` asked for.
    package let inspectRecipe: @Sendable (URL, Int?) throws -> String
    /// Sets the number of threads of LibTorch and of the CPU kernels.
    package let setThreads: @Sendable (Int) -> Void

    package init(
        commands: [any ParsableCommand.Type], evaluations: [any ParsableCommand.Type],
        benchmarks: [any ParsableCommand.Type],
        decodeModel: @escaping @Sendable (any WeightSource, WeightFormat, String, Bool, Bool) throws -> DecodeModel,
        inspectRecipe: @escaping @Sendable (URL, Int?) throws -> String, setThreads: @escaping @Sendable (Int) -> Void
    ) {
        (self.commands, self.evaluations, self.benchmarks) = (commands, evaluations, benchmarks)
        (self.decodeModel, self.inspectRecipe, self.setThreads) = (decodeModel, inspectRecipe, setThreads)
    }

    /// Nil in `foretoken`. Set once, before a command is parsed.
    nonisolated(unsafe) static var present: TorchCommands?

    /// ``present`` in `foretoken-torch`; in `foretoken`, replaces this process by `foretoken-torch`.
    static func required(for what: String) throws -> TorchCommands {
        if let present { return present }
        try TorchProgram.replaceThisProcess(for: what)
    }
}

/// `foretoken-torch`, which lies in the same folder as `foretoken` and takes the same arguments.
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

    /// The device that these arguments of a command that decodes name; nil for the CPU.
    static func device(in arguments: [String]) -> String? {
        guard ["generate", "evaluate", "bench"].contains(arguments.first) else { return nil }
        let values =
            zip(arguments, arguments.dropFirst()).filter { $0.0 == "--device" }.map(\.1)
            + arguments.compactMap { $0.hasPrefix("--device=") ? String($0.dropFirst(9)) : nil }
        return values.last.flatMap { $0 == "cpu" ? nil : $0 }
    }

    /// The program's file, in the folder of this one's.
    static var url: URL {
        let own = "/proc/self/exe"
        let path = FileManager.default.fileExists(atPath: own) ? own : CommandLine.arguments.first ?? "foretoken"
        return URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name)
    }

    /// Whether the program is installed.
    static var exists: Bool { FileManager.default.isExecutableFile(atPath: url.path) }

    /// An environment variable, set for `foretoken-torch`, which unsets it. If `foretoken-torch` is a link to `foretoken`, the
    /// variable ends what would be an endless loop.
    static let marker = "FORETOKEN_TORCH_PROGRAM"

    /// Runs `foretoken-torch` with this process's arguments in its place, as git runs its subcommands.
    static func replaceThisProcess(for what: String) throws -> Never {
        let path = url.path
        guard getenv(marker) == nil else {
            throw CommandFailure(
                description:
                    "\(path): is not the program with LibTorch; build it with `make build` in Foretoken's checkout")
        }
        setenv(marker, "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv(path, &arguments)
        let reason = errno
        for argument in arguments { free(argument) }
        throw CommandFailure(
            description: reason == ENOENT
                ? "\(what) needs LibTorch: there is no \(name) in the folder of this program; build both with `make build` in Foretoken's checkout"
                : "\(path): cannot run it: \(String(cString: strerror(reason)))")
    }
}

/// The abstracts of the commands of `foretoken-torch`, which both programs list in their help.
package enum TorchAbstract {
    package static let train = "Train a model from a recipe, or resume the run in the folder."
    package static let study =
        "Train a recipe in many variants, measure each, and compare them in one table and one plot."
    package static let loss = "Measure loss, bits per byte and acceptance of every head."
    package static let benchTrain =
        "Measure speed and memory of training steps of a model shape, AdamW and gradient clipping included."
    package static let benchMemory =
        "Measure the peak memory of a training step by the number of heads, for every objective."
    package static let benchDevice =
        "Compare a GPU with the CPU: gradients of every objective and head kind, and decoded text."
}

/// Stand-ins in `foretoken` for the commands of `foretoken-torch`, so that help lists them.
enum TorchOnly {
    private static let passthrough: ArgumentHelp = "The arguments of the command, passed to foretoken-torch."

    struct Train: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: TorchAbstract.train)
        @Argument(parsing: .captureForPassthrough, help: TorchOnly.passthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken train'") }
    }

    struct Study: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: TorchAbstract.study)
        @Argument(parsing: .captureForPassthrough, help: TorchOnly.passthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken study'") }
    }

    struct BenchTrain: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "train", abstract: TorchAbstract.benchTrain)
        @Argument(parsing: .captureForPassthrough, help: TorchOnly.passthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken bench train'") }
    }

    struct BenchMemory: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "memory", abstract: TorchAbstract.benchMemory)
        @Argument(parsing: .captureForPassthrough, help: TorchOnly.passthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken bench memory'") }
    }

    struct BenchDevice: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "device", abstract: TorchAbstract.benchDevice)
        @Argument(parsing: .captureForPassthrough, help: TorchOnly.passthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken bench device'") }
    }

    struct Loss: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: TorchAbstract.loss)
        @Argument(parsing: .captureForPassthrough, help: TorchOnly.passthrough) var arguments: [String] = []
        func run() throws { try TorchProgram.replaceThisProcess(for: "'foretoken evaluate loss'") }
    }
}
