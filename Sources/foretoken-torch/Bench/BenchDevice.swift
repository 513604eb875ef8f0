import ArgumentParser
import ForetokenCommands
import ForetokenDevices
import ForetokenDistributed
import ForetokenFiles
import ForetokenReport
import ForetokenTraining
import Torch

struct BenchDevice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device",
        abstract: TorchAbstract.benchDevice,
        discussion: """
            The gradients of a small model are compared with those that the CPU computes in float32: the relative error may \
            be at most 1e-4 in float32 and 5e-2 in bfloat16. With --model, text is decoded on the device both token by token \
            and speculatively; with --exact, the two must agree.

            Exits with 1 if a check fails. With --device cpu, the operators of the GPU path run on the CPU.

            Example: foretoken bench device --device cuda --model Models/python-bytes --exact
            """)

    @Option(help: "The device to check: cpu, cuda, or cuda:1 for the second GPU.")
    var device = "cuda"
    @Option(
        help: "A run or model folder to decode text with; only gradients are checked if omitted.",
        completion: .directory)
    var model: Path?
    @Flag(inversion: .prefixedNo, help: "Compare gradients with the CPU's.")
    var gradients = true
    @Option(help: "The precisions to check gradients in, separated by commas: f32, bf16.")
    var precisions = "f32,bf16"
    @Flag(help: "Give every decoding pass the same shape, as 'generate --exact' does.")
    var exact = false
    @Flag(help: "Capture training steps and decoding passes as CUDA graphs (experimental, not yet tested on a GPU).")
    var cudaGraphs = false
    @Flag(help: "Also sum a tensor over a group of one rank: with NCCL on a GPU, with Gloo on the CPU.")
    var collectives = false
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws { _ = try parsedPrecisions() }

    private func parsedPrecisions() throws -> [Precision] {
        let parsed = try precisions.split(separator: ",").map { name in
            guard let precision = Precision(rawValue: String(name)) else {
                throw ValidationError("--precisions \(name): must be f32 or bf16")
            }
            return precision
        }
        guard !parsed.isEmpty else { throw ValidationError("--precisions: name f32, bf16 or both") }
        return parsed
    }

    @ComputeActor
    func run() async throws {
        let device = try Device(named: device)
        let sumIsRight = collectives ? try CollectiveCheck.passes(on: device) : nil
        let checks =
            try gradients
            ? GradientCheck.all(in: parsedPrecisions(), on: device, capturesSteps: cudaGraphs) : []
        if gradients { Terminal.log("\(checks.count) gradients checked") }
        let texts = try model.map {
            try DeviceTextCheck(model: $0.url, device: device, isExact: exact, usesGraphs: cudaGraphs)
        }
        let output = DeviceCheckOutput(
            device: self.device, gradients: checks, texts: texts, sumIsRight: sumIsRight, isExact: exact)
        try show(output, asJSON: json)
        if !output.passed { throw ExitCode(1) }
    }
}
