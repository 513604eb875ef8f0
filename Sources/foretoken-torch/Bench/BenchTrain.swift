public import ArgumentParser
import ForetokenFiles
import ForetokenModel
import ForetokenReport
public import ForetokenTraining
import Torch

struct BenchTrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Speed and bytes of training steps of a shape, AdamW and clipping included.",
        discussion: """
            Also times the step's matrix products alone, between the steps: what is left is overhead.

            Example: foretoken bench train --vocabulary 32000 --width 384 --layers 8 --heads 4 --batch 8 --context 256
            """)

    @OptionGroup var shape: BenchShape
    @Option(parsing: .unconditional, help: "n, with the next-token head.")
    var heads = 4
    @Option(help: "How the gradient is computed: \(ObjectiveName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var objective = ObjectiveName.fused
    @Option(help: "What is run again in the trunk's backward pass: none or blocks.")
    var recompute = Recomputation.none
    @Option(help: "cpu or cuda.")
    var device = "cpu"
    @Option(help: "What activations and products are computed in: f32 or bf16.")
    var precision = Precision.f32
    @Flag(help: "On a GPU, capture the passes of a step as one CUDA graph (experimental: no GPU has run it yet).")
    var cudaGraphs = false
    @Option(parsing: .unconditional, help: "Steps to time, after two that warm up.")
    var steps = 10
    @Flag(inversion: .prefixedNo, help: "Time the matrix products alone, too.")
    var gemm = true
    @Flag(help: "Print one JSON object.")
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
        if json {
            let value: JSONValue = [
                "objective": .string(objective.rawValue), "device": .string(device),
                "precision": .string(precision.rawValue),
                "tokensPerSecond": .finite(result.tokensPerSecond), "gflops": .finite(result.gflops),
                "utilisation": result.utilisation.map(JSONValue.finite) ?? .null,
                "gemmGflops": result.products.map { .finite($0.gflops) } ?? .null,
                "gemmShare": result.products.map { .finite($0.share) } ?? .null,
                "peakTensorBytes": .integer(result.peakTensorBytes),
                "transientBytes": .integer(result.transientBytes),
                "loss": .array(result.losses.map(JSONValue.finite)), "threads": .integer(LibTorch.threads),
            ]
            print(try value.text())
            return
        }
        var table = TextTable(["training step, \(objective.rawValue)", ""])
        table.add(["tokens/s", Formatting.fixed(result.tokensPerSecond, 0)])
        table.add(["GFLOP/s", Formatting.fixed(result.gflops, 1)])
        if let utilisation = result.utilisation {
            table.add(["of the GPU's bf16 peak", Formatting.percent(utilisation)])
        }
        if let products = result.products {
            table.add(["GFLOP/s of its matrix products alone", Formatting.fixed(products.gflops, 1)])
            table.add(["their share of the step", Formatting.percent(products.share)])
        }
        table.add(["peak MiB of tensors", Formatting.fixed(Double(result.peakTensorBytes) / 0x1p20, 1)])
        table.add(["of them transient", Formatting.fixed(Double(result.transientBytes) / 0x1p20, 1)])
        print(table.text)
    }
}

extension Precision: ExpressibleByArgument {}
extension ObjectiveName: ExpressibleByArgument {}
extension Recomputation: ExpressibleByArgument {}
