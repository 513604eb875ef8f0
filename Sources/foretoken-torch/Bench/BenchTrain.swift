public import ArgumentParser
import ForetokenCommands
import ForetokenFiles
import ForetokenModel
public import ForetokenTraining
import Torch

struct BenchTrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: TorchAbstract.benchTrain,
        discussion: """
            Also times the step's matrix multiplications (GEMMs) alone, between the steps: the rest of a step's time is \
            overhead.

            Example: foretoken bench train --vocabulary 32000 --width 384 --layers 8 --heads 4 --batch 8 --context 256
            """)

    @OptionGroup var shape: BenchShape
    @Option(parsing: .unconditional, help: "Number of prediction heads, the next-token head included.")
    var heads = 4
    @Option(help: "How the gradient is computed.")
    var objective = ObjectiveName.fused
    @Option(help: "Activations of the trunk to recompute in the backward pass.")
    var recompute = Recomputation.none
    @Option(help: "The device to train on: cpu, cuda, or cuda:1 for the second GPU.")
    var device = "cpu"
    @Option(help: "Data type of activations and matrix multiplications.")
    var precision = Precision.f32
    @Flag(help: "On a GPU, capture a step's passes as one CUDA graph (experimental, not yet tested on a GPU).")
    var cudaGraphs = false
    @Option(parsing: .unconditional, help: "Number of steps to time, after two warm-up steps.")
    var steps = 10
    @Flag(inversion: .prefixedNo, help: "Time the matrix multiplications alone, too.")
    var gemm = true
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard steps >= 1 else { throw ValidationError("--steps must be at least 1") }
    }

    @ComputeActor
    func run() async throws {
        if let threads = shape.threads { LibTorch.threads = threads }
        var settings = TrainingBenchmark.Settings(batchSize: shape.batch, objective: objective, steps: steps)
        settings.logitsBytes = shape.logitsBytes
        settings.measuresGemm = gemm
        settings.recompute = recompute
        settings.device = try Device(named: device)
        settings.precision = precision
        settings.capturesSteps = cudaGraphs
        let result = try TrainingBenchmark(shape.configuration(heads: heads), settings)
        try show(
            TrainingBenchmarkOutput(
                result: result, objective: objective, device: device, precision: precision, threads: LibTorch.threads),
            asJSON: json)
    }
}

extension Precision: ExpressibleByArgument {}
extension ObjectiveName: ExpressibleByArgument {}
extension Recomputation: ExpressibleByArgument {}
