import ForetokenCommands
import ForetokenFiles
import ForetokenReport
import ForetokenTraining

/// Speed and memory of training steps.
struct TrainingBenchmarkOutput: CommandOutput {
    let result: TrainingBenchmark
    let objective: ObjectiveName
    let device: String
    let precision: Precision
    let threads: Int

    var jsonLine: String {
        get throws {
            let value: JSONValue = [
                "objective": .string(objective.rawValue), "device": .string(device),
                "precision": .string(precision.rawValue),
                "tokensPerSecond": .finite(result.tokensPerSecond), "gflops": .finite(result.gflops),
                "utilisation": result.utilisation.map(JSONValue.finite) ?? .null,
                "gemmGflops": result.gemm.map { .finite($0.gflops) } ?? .null,
                "gemmShare": result.gemm.map { .finite($0.share) } ?? .null,
                "peakTensorBytes": .integer(result.peakTensorBytes),
                "transientBytes": .integer(result.transientBytes),
                "loss": .array(result.losses.map(JSONValue.finite)), "threads": .integer(threads),
            ]
            return try value.text()
        }
    }

    var terminalText: String {
        func mebibytes(_ bytes: Int) -> String { Formatting.fixed(Double(bytes) / 0x1p20, 1) }
        var table = TextTable(["training step, \(objective.rawValue)", ""])
        table.add(["tokens/s", Formatting.fixed(result.tokensPerSecond, 0)])
        table.add(["GFLOP/s", Formatting.fixed(result.gflops, 1)])
        if let utilisation = result.utilisation {
            table.add(["of the GPU's bf16 peak", Formatting.percent(utilisation)])
        }
        if let gemm = result.gemm {
            table.add(["GFLOP/s of its GEMMs alone", Formatting.fixed(gemm.gflops, 1)])
            table.add(["GEMMs' share of the step's time", Formatting.percent(gemm.share)])
        }
        table.add(["peak tensor memory, MiB", mebibytes(result.peakTensorBytes)])
        table.add(["transient part, MiB", mebibytes(result.transientBytes)])
        return table.text
    }
}
