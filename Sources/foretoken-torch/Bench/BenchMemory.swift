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
        abstract: "Peak bytes of a training step against n, for every objective.",
        discussion: """
            Examples:
              foretoken bench memory --batch 2
              foretoken bench memory --vocabulary 32000 --width 384 --batch 8 --out memory.svg
            """)

    @OptionGroup var shape: BenchShape
    @Option(parsing: .upToNextOption, help: "The values of n.")
    var heads = [1, 2, 4, 8]
    @Option(help: "cpu, cuda or cuda:1.")
    var device = "cpu"
    @Option(help: "What activations and GEMMs are computed in: f32 or bf16.")
    var precision = Precision.f32
    @Option(help: "Also draw a chart, an .svg file.")
    var out: Path?
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard !heads.isEmpty else { throw ValidationError("--heads needs at least one n") }
        for count in heads { _ = try shape.configuration(heads: count) }
    }

    @ComputeActor
    func run() async throws {
        if let threads = shape.threads { LibTorch.threads = threads }
        let result = try MemoryBenchmark(
            shape.configuration(heads: heads[0]), heads: heads, batchSize: shape.batch,
            logitsBytes: shape.logitsBytes, device: Device(named: device), precision: precision
        ) { objective, count, peak in
            Terminal.log("\(objective.rawValue), n = \(count): \(Self.text(peak)) MiB")
        }
        let objectives = ObjectiveName.allCases
        if let out { try Data(chart(result).file.utf8).write(to: out.url, options: .atomic) }
        if json {
            var value = JSONObject()
            value["heads"] = .array(heads.map(JSONValue.integer))
            for objective in objectives {
                value[objective.rawValue] = .array(
                    (result.peakTensorBytes[objective] ?? []).map { $0.map(JSONValue.integer) ?? .null })
            }
            print(try JSONValue.object(value).text())
            return
        }
        var table = TextTable(["peak MiB, n ="] + heads.map(String.init))
        for objective in objectives {
            let peaks = result.peakTensorBytes[objective] ?? []
            table.add([objective.rawValue] + peaks.map(Self.text))
        }
        print(table.text)
    }

    private static func text(_ peak: Int?) -> String {
        peak.map { Formatting.fixed(Double($0) / 0x1p20, 1) } ?? "out of memory"
    }

    /// MiB over n, a line for each objective.
    private func chart(_ result: MemoryBenchmark) -> LineChart {
        let colors: [ObjectiveName: ChartColor] = [
            .joint: .category(1), .sequential: .category(2), .fused: .category(0),
        ]
        var chart = LineChart(
            "Peak MiB of a training step",
            ObjectiveName.allCases.map { objective in
                LineChart.Series(
                    objective.rawValue,
                    zip(result.heads, result.peakTensorBytes[objective] ?? []).compactMap { heads, peak in
                        peak.map { ChartPoint(x: Double(heads), y: (Double($0) / 0x1p20).rounded()) }
                    }, color: colors[objective] ?? .category(3))
            })
        chart.note = "V \(shape.vocabulary), \(shape.layers) layers in all"
        chart.xName = "heads"
        (chart.includesZero, chart.ticksAtData) = (true, true)
        return chart
    }
}
