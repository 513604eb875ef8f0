import Foundation
import Testing

/// The built command, run as a user runs it.
struct Command {
    static let program: URL = {
        // The command lies beside the test's own bundle.
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        while folder.path != "/",
            !FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent("foretoken").path)
        {
            folder.deleteLastPathComponent()
        }
        return folder.appendingPathComponent("foretoken")
    }()

    struct Result {
        let code: Int32
        let output: String
        let errors: String
    }

    static func start(
        _ arguments: [String], output: URL, errors: URL, environment: [String: String] = [:]
    ) throws -> Process {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment, uniquingKeysWith: { $1 })
        for url in [output, errors] { try Data().write(to: url) }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        return process
    }

    static func run(_ arguments: String...) throws -> Result { try run(arguments) }

    static func run(_ arguments: [String]) throws -> Result {
        try collect { try start(arguments, output: $0, errors: $1) }
    }

    /// A line of bash in which `$F` is the command.
    static func shell(_ line: String, environment: [String: String] = [:]) throws -> Result {
        try collect { output, errors in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = ["-c", line]
            process.environment = ProcessInfo.processInfo.environment
                .merging(["F": program.path], uniquingKeysWith: { $1 }).merging(environment, uniquingKeysWith: { $1 })
            for url in [output, errors] { try Data().write(to: url) }
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
            return process
        }
    }

    /// Whether a process that is not this one's child has ended: it is gone, or a zombie that the first process of a container
    /// never waits for, as most programs that are one do not.
    static func hasEnded(_ process: pid_t) -> Bool {
        guard kill(process, 0) == 0 else { return true }
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return status.split(separator: ")").last?.hasPrefix(" Z") ?? true
    }

    private static func collect(_ start: (URL, URL) throws -> Process) throws -> Result {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        let (output, errors) = (base.appendingPathExtension("out"), base.appendingPathExtension("err"))
        defer { for url in [output, errors] { try? FileManager.default.removeItem(at: url) } }
        let process = try start(output, errors)
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus,
            output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }
}

/// A folder with sixty small source files, removed at the end, in which recipes train a tiny model.
final class Workplace {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("src"), withIntermediateDirectories: true)
        for index in 0..<60 {
            try Data("def f\(index)(x):\n    return x * \(index)\n".utf8)
                .write(to: folder.appendingPathComponent("src/\(index).py"))
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Prepares the files and writes the recipe that trains on them.
    func recipe(steps: Int) throws -> String {
        let text = """
            data: { train: "\(path("data/train.tokens"))", validation: "\(path("data/validation.tokens"))" }
            model: { width: 16, layers: 4, attentionHeads: 2, feedForwardWidth: 32, heads: 2, contextLength: 64 }
            training: { steps: \(steps), batchSize: 2, learningRate: 0.01, checkpointEvery: 3, validationEvery: 0, logEvery: 1, validationBatches: 2 }
            """
        try Data(text.utf8).write(to: folder.appendingPathComponent("recipe.yaml"))
        let prepared = try Command.run("prepare", path("src"), "--out", path("data"), "--validation-fraction", "0.2")
        #expect(prepared.code == 0, "\(prepared.errors)")
        return path("recipe.yaml")
    }

    /// Waits for a condition that a process brings about; false after two minutes, which only a failure takes.
    static func wait(until condition: () -> Bool) -> Bool {
        for _ in 0..<12_000 {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.01)
        }
        return false
    }
}
