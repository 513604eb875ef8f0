import ArgumentParser
import ForetokenModel
import ForetokenReport
import ForetokenTraining
import Torch

struct BenchMemory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Peak bytes of a training step against n, for every objective.",
        discussion: "Example: foretoken bench memory --vocabulary 32000 --width 384 --layers 12 --batch 8")

    @OptionGroup var shape: BenchShape
    @Option(parsing: .upToNextOption, help: "The values of n.")
    var heads = [1, 2, 4, 8]
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard !heads.isEmpty else { throw ValidationError("--heads needs at least one n") }
        for count in heads { _ = try shape.configuration(heads: count) }
    }

    @TorchActor
    func run() async throws {
        if let threads = shape.threads { LibTorch.threads = threads }
        let result = try MemoryBenchmark(
            shape.configuration(heads: heads[0]), heads: heads, batchSize: shape.batch,
            logitsBytes: shape.logitsMib << 20)
        let objectives = ObjectiveName.allCases
        if json {
            var value = JSONObject()
            value["heads"] = .array(heads.map(JSONValue.integer))
            for objective in objectives {
                value[objective.rawValue] = .array((result.peakTensorBytes[objective] ?? []).map(JSONValue.integer))
            }
            print(try JSONValue.object(value).text())
            return
        }
        var table = TextTable(["peak MiB, n ="] + heads.map(String.init))
        for objective in objectives {
            let peaks = result.peakTensorBytes[objective] ?? []
            table.add([objective.rawValue] + peaks.map { Formatting.fixed(Double($0) / 0x1p20, 1) })
        }
        print(table.text)
    }
}
