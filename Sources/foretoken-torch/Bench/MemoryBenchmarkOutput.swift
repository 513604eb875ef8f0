import ForetokenCommands
import ForetokenFiles
import ForetokenReport
import ForetokenTraining

/// The peak memory of training steps by the number of heads, for every objective.
struct MemoryBenchmarkOutput: CommandOutput {
    let result: MemoryBenchmark
    /// The shape, below the chart.
    let note: String

    /// Progress after one measurement.
    static func line(_ objective: ObjectiveName, heads: Int, peak: Int?) -> String {
        "\(objective.rawValue), \(heads) head\(heads == 1 ? "" : "s"): " + (peak.map { "\(text($0)) MiB" } ?? text(nil))
    }

    private static func text(_ peak: Int?) -> String {
        peak.map { Formatting.fixed(Double($0) / 0x1p20, 1) } ?? "out of memory"
    }

    private func peaks(_ objective: ObjectiveName) -> [Int?] { result.peakTensorBytes[objective] ?? [] }

    var jsonLine: String {
        get throws {
            var value = JSONObject()
            value["heads"] = .array(result.heads.map(JSONValue.integer))
            for objective in ObjectiveName.allCases {
                value[objective.rawValue] = .array(peaks(objective).map { $0.map(JSONValue.integer) ?? .null })
            }
            return try JSONValue.object(value).text()
        }
    }

    var terminalText: String {
        var table = TextTable(["peak MiB, heads:"] + result.heads.map(String.init))
        for objective in ObjectiveName.allCases {
            table.add([objective.rawValue] + peaks(objective).map(Self.text))
        }
        return table.text
    }

    /// MiB by the number of heads, one line for each objective.
    var chart: LineChart {
        let colors: [ObjectiveName: ChartColor] = [
            .joint: .category(1), .sequential: .category(2), .fused: .category(0),
        ]
        var chart = LineChart(
            "Peak MiB of a training step",
            ObjectiveName.allCases.map { objective in
                LineChart.Series(
                    objective.rawValue,
                    zip(result.heads, peaks(objective)).compactMap { heads, peak in
                        peak.map { ChartPoint(x: Double(heads), y: (Double($0) / 0x1p20).rounded()) }
                    }, color: colors[objective] ?? .category(3))
            })
        (chart.note, chart.xName) = (note, "heads")
        (chart.includesZero, chart.ticksAtData) = (true, true)
        return chart
    }
}
