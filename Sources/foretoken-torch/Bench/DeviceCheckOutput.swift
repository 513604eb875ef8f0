import ForetokenCommands
import ForetokenDevices
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenTraining

/// The checks of a device.
struct DeviceCheckOutput: CommandOutput {
    let device: String
    let gradients: [GradientCheck]
    let texts: DeviceTextCheck?
    /// Whether a sum over one rank is right; nil if it was not checked.
    let sumIsRight: Bool?
    /// Whether speculative and next-token text must agree.
    let isExact: Bool

    var passed: Bool {
        gradients.allSatisfy(\.passed) && sumIsRight != false && !(isExact && texts?.differing ?? 0 > 0)
    }

    var terminalText: String {
        var lines: [String] = []
        if let sumIsRight { lines.append("a sum over one rank is \(sumIsRight ? "right" : "WRONG")") }
        if !gradients.isEmpty {
            lines.append(table.terminalText)
            lines.append("\(gradients.count { $0.passed }) of \(gradients.count) gradients agree with the CPU's")
        }
        if let texts {
            lines.append(
                "\(texts.texts - texts.differing) of \(texts.texts) speculative outputs equal next-token outputs, at "
                    + "\(Formatting.fixed(texts.tokensPerForward, 2)) tokens per forward pass; "
                    + "\(texts.differingFromCPU) next-token outputs differ from the CPU's")
        }
        return lines.joined(separator: "\n")
    }

    private var table: TextTable {
        var table = TextTable(["heads", "objective", "precision", "documents", "relative error", "limit", ""])
        for check in gradients {
            table.add([
                check.headKind.rawValue, check.objective.rawValue, check.precision.rawValue,
                check.documentMask ? "masked" : "", Formatting.scientific(check.error),
                Formatting.scientific(check.limit), check.passed ? "" : "FAILED",
            ])
        }
        return table
    }

    var jsonLine: String {
        get throws {
            func largest(_ precision: Precision) -> JSONValue {
                gradients.filter { $0.precision == precision }.map(\.error).max().map(JSONValue.finite) ?? .null
            }
            let failed = gradients.filter { !$0.passed }.map { check in
                "\(check.headKind.rawValue) \(check.objective.rawValue) \(check.precision.rawValue) "
                    + "masked=\(check.documentMask) \(check.error)"
            }
            let value: JSONValue = [
                "device": .string(device), "checks": .integer(gradients.count),
                "failed": .array(failed.map(JSONValue.string)),
                "largestErrorF32": largest(.f32), "largestErrorBF16": largest(.bf16),
                "collectives": sumIsRight.map(JSONValue.bool) ?? .null,
                "texts": texts.map { .integer($0.texts) } ?? .null,
                "differingTexts": texts.map { .integer($0.differing) } ?? .null,
                "textsDifferingFromCPU": texts.map { .integer($0.differingFromCPU) } ?? .null,
                "tokensPerForward": texts.map { .finite($0.tokensPerForward) } ?? .null,
            ]
            return try value.text()
        }
    }
}
