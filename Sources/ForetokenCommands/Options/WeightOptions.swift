public import ArgumentParser
public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation

extension WeightFormat: ExpressibleByArgument {}

/// The format of the weights and the device; the options of every command that decodes.
struct WeightOptions: ParsableArguments {
    @Option(
        help: "The format of the weights in memory; bf16 and int8 are faster and change the text.")
    var weights = WeightFormat.f32

    @Option(help: "The device to run on: cpu, cuda, or cuda:1 for the second GPU.")
    var device = "cpu"

    @Flag(
        help: ArgumentHelp(
            "On a GPU, give every forward pass the same shape, so that speculative and next-token text agree even at near ties.",
            discussion: "On the CPU they always agree."))
    var exact = false

    @Flag(
        help: ArgumentHelp(
            "On a GPU, capture forward passes as CUDA graphs.",
            discussion: "Experimental, and not yet tested on a GPU: needs functions that LibTorch does not document."))
    var cudaGraphs = false

    @Option(parsing: .unconditional, help: "CPU threads; all cores if omitted.")
    var threads: Int?

    func validate() throws {
        try require(threads, "--threads", in: 1...1024)
        guard !cudaGraphs || device != "cpu" else {
            throw ValidationError("--cuda-graphs is for --device cuda; leave it out on the CPU")
        }
    }

    /// Reads a model with its tokenizer, and returns the folder too: a run that is being trained may have a newer checkpoint
    /// a moment later.
    @ComputeActor
    func load(_ path: Path) throws -> (model: DecodeModel, tokenizer: any Tokenizer, folder: URL) {
        let folder = try ModelFolder.locate(path.url)
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        return (try load(source), tokenizer, folder)
    }

    /// Reads a model's weights.
    @ComputeActor
    func load(_ source: any WeightSource) throws -> DecodeModel {
        let torch = device == "cpu" ? TorchCommands.present : try TorchCommands.required(for: "--device \(device)")
        if let threads { (torch?.setThreads ?? { CPUKernels.threads = $0 })(threads) }
        guard let torch else { return try DecodeModel(reading: source, format: weights) }
        return try torch.decodeModel(source, weights, device, exact, cudaGraphs)
    }

    /// The digest of a model under these options, for results files.
    func digest(of folder: URL) throws -> String {
        try ModelFolder.digest(of: folder, settings: "\(weights.rawValue) \(device) \(exact)")
    }
}
