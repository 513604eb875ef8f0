public import ArgumentParser
public import ForetokenDecoding
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Torch

extension WeightFormat: ExpressibleByArgument {}

/// How a model is held for decoding, and where it runs; the options of every command that decodes.
struct WeightOptions: ParsableArguments {
    @Option(help: "How weights are held: f32, bf16 or int8; the smaller ones are faster and change the text.")
    var weights = WeightFormat.f32

    @Option(help: "cpu, cuda or cuda:1.")
    var device = "cpu"

    @Flag(
        help: ArgumentHelp(
            "On a GPU, give every pass one shape: speculative and plain text then agree at near ties, too.",
            discussion: "On the CPU they always do."))
    var exact = false

    @Option(parsing: .unconditional, help: "CPU threads; all if not given.")
    var threads: Int?

    func validate() throws { try require(threads, "--threads", in: 1...1024) }

    /// Reads a model with its tokenizer.
    @TorchActor
    func load(_ path: Path) throws -> (model: DecodeModel, tokenizer: any Tokenizer) {
        let device = try prepare()
        let folder = try RunFolder.modelFolder(at: path.url)
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        return (try DecodeModel(reading: source, format: weights, device: device, isExact: exact), tokenizer)
    }

    /// A model that is not in a file.
    @TorchActor
    func load(_ model: MultiTokenModel) throws -> DecodeModel {
        try DecodeModel(model, format: weights, device: prepare(), isExact: exact)
    }

    private func prepare() throws -> Device {
        if let threads { LibTorch.threads = threads }
        return try Device(named: device)
    }
}
