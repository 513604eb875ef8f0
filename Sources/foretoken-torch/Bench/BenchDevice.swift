import ArgumentParser
import ForetokenCommands
import ForetokenDecoding
import ForetokenDevices
import ForetokenDistributed
import ForetokenFiles
import ForetokenModel
import ForetokenReport
import ForetokenText
import ForetokenTraining
import Torch

struct BenchDevice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device",
        abstract: "Check a GPU against the CPU: gradients of every objective and head kind, and decoded texts.",
        discussion: """
            Gradients of a small model are compared with the CPU's in float32: relative error at most 1e-4, in bfloat16 5e-2. With \
            --model, texts are decoded on the device token by token and speculatively, which must agree with --exact.

            Exits with 1 if a check fails. On the CPU it runs the same operators as on a GPU.

            Example: foretoken bench device --device cuda --model Models/python-bytes --exact
            """)

    @Option(help: "cpu, cuda or cuda:1.")
    var device = "cuda"
    @Option(help: "A run or model folder for the texts; without it only gradients are checked.", completion: .directory)
    var model: Path?
    @Flag(inversion: .prefixedNo, help: "Check gradients.")
    var gradients = true
    @Option(help: "Only these precisions, separated by commas.")
    var precisions = "f32,bf16"
    @Flag(help: "Give every decoding pass one shape, as 'generate --exact' does.")
    var exact = false
    @Flag(help: "Capture training steps and decoding passes as CUDA graphs (experimental: no GPU has run it yet).")
    var cudaGraphs = false
    @Flag(help: "Also sum a tensor over a group of one rank: NCCL on a GPU, Gloo on the CPU.")
    var collectives = false
    @Flag(help: "Print one JSON object.")
    var json = false

    @ComputeActor
    func run() async throws {
        let device = try Device(named: device)
        let sums = collectives ? try CollectiveCheck.passes(on: device) : nil
        let kinds = try precisions.split(separator: ",").map { name in
            guard let precision = Precision(rawValue: String(name)) else {
                throw ValidationError("--precisions \(name): must be f32 or bf16")
            }
            return precision
        }
        guard !kinds.isEmpty else { throw ValidationError("--precisions: name f32, bf16 or both") }
        var checks: [GradientCheck] = []
        for precision in gradients ? kinds : [] {
            for kind in HeadKind.allCases {
                for objective in ObjectiveName.allCases {
                    for mask in [false, true] {
                        checks.append(
                            try GradientCheck(
                                objective, kind, precision, documentMask: mask, on: device, capturesSteps: cudaGraphs))
                    }
                }
            }
            Terminal.log("\(checks.count) gradients checked")
        }
        let texts = try texts(on: device)
        let failed = checks.count { !$0.passed }
        if json { print(try value(checks, texts, sums).text()) } else { show(checks, texts, sums) }
        // Only an exact device promises equal texts.
        if failed > 0 || sums == false || exact && texts?.differing ?? 0 > 0 { throw ExitCode(1) }
    }

    @ComputeActor
    private func texts(on device: Device) throws -> DeviceTextCheck? {
        guard let model else { return nil }
        let folder = try ModelFolder.locate(model.url)
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        let beginning = source.configuration.beginningOfText.map { [$0] } ?? []
        let starts = ["import os\n\n\ndef ", "class ", "for i in range(", "# The ", "    return "]
        return try DeviceTextCheck(
            source, tokenizer: tokenizer, prompts: starts.map { beginning + tokenizer.encode($0) }, maximumTokens: 60,
            device: device, isExact: exact, usesGraphs: cudaGraphs)
    }

    private func show(_ checks: [GradientCheck], _ texts: DeviceTextCheck?, _ sums: Bool?) {
        if let sums { print("a sum over one rank is \(sums ? "right" : "WRONG")") }
        if !checks.isEmpty {
            var table = TextTable(["heads", "objective", "precision", "documents", "relative error", "limit", ""])
            for check in checks {
                table.add([
                    check.headKind.rawValue, check.objective.rawValue, check.precision.rawValue,
                    check.documentMask ? "masked" : "", Formatting.scientific(check.error),
                    Formatting.scientific(check.limit), check.passed ? "" : "FAILED",
                ])
            }
            print(table.terminalText)
            print("\(checks.count { $0.passed }) of \(checks.count) gradients agree with the CPU's")
        }
        if let texts {
            print(
                "\(texts.texts - texts.differing) of \(texts.texts) speculative texts equal next-token texts, at "
                    + "\(Formatting.fixed(texts.tokensPerForward, 2)) tokens a forward pass; "
                    + "\(texts.differingFromCPU) next-token texts differ from the CPU's")
        }
    }

    private func value(_ checks: [GradientCheck], _ texts: DeviceTextCheck?, _ sums: Bool?) -> JSONValue {
        func largest(_ precision: Precision) -> JSONValue {
            checks.filter { $0.precision == precision }.map(\.error).max().map(JSONValue.finite) ?? .null
        }
        return [
            "device": .string(device), "checks": .integer(checks.count),
            "failed": .array(
                checks.filter { !$0.passed }.map {
                    .string("\($0.headKind) \($0.objective) \($0.precision) masked=\($0.documentMask) \($0.error)")
                }),
            "largestErrorF32": largest(.f32), "largestErrorBF16": largest(.bf16),
            "collectives": sums.map(JSONValue.bool) ?? .null, "texts": texts.map { .integer($0.texts) } ?? .null,
            "differingTexts": texts.map { .integer($0.differing) } ?? .null,
            "textsDifferingFromCPU": texts.map { .integer($0.differingFromCPU) } ?? .null,
            "tokensPerForward": texts.map { .finite($0.tokensPerForward) } ?? .null,
        ]
    }
}
