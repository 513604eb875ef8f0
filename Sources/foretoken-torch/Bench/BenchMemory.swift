import ArgumentParser
import ForetokenCommands
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenTraining
import Foundation
import Torch

struct BenchMemory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: TorchAbstract.benchMemory,
        discussion: """
            Examples:
              foretoken bench memory --batch 2
              foretoken bench memory --vocabulary 32000 --width 384 --batch 8 --out memory.svg
            """)

    @OptionGroup var shape: BenchShape
    @Option(parsing: .upToNextOption, help: "The numbers of prediction heads to measure, separated by spaces.")
    var heads = [1, 2, 4, 8]
    @Option(help: "The device to train on: cpu, cuda, or cuda:1 for the second GPU.")
    var device = "cpu"
    @Option(help: "Data type of activations and matrix multiplications.")
    var precision = Precision.f32
    @Option(help: "An .svg file for a chart of the result; no chart if omitted.")
    var out: Path?
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard !heads.isEmpty else { throw ValidationError("--heads needs at least one number") }
        for count in heads { _ = try shape.configuration(heads: count) }
    }

    @ComputeActor
    func run() async throws {
        if let threads = shape.threads { LibTorch.threads = threads }
        let result = try MemoryBenchmark(
            shape.configuration(heads: heads[0]), heads: heads, batchSize: shape.batch,
            logitsBytes: shape.logitsBytes, device: Device(named: device), precision: precision
        ) { objective, count, peak in
            Terminal.log(MemoryBenchmarkOutput.line(objective, heads: count, peak: peak))
        }
        let output = MemoryBenchmarkOutput(
            result: result, note: "vocabulary \(shape.vocabulary), \(shape.layers) layers in total")
        if let out { try Data(output.chart.file.utf8).write(to: out.url, options: .atomic) }
        try show(output, asJSON: json)
    }
}
