public import ArgumentParser
public import ForetokenDecoding
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
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

    /// Tells a model, as it is held here, from others by the ends of its weight files: training changes every weight.
    func fingerprint(_ path: Path) throws -> String {
        let folder = try RunFolder.modelFolder(at: path.url)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        var bytes = Array("\(weights)".utf8)
        for name in names.sorted() where name.hasSuffix(".safetensors") || name.hasSuffix(".pth") {
            let file = try FileHandle(forReadingFrom: folder.appendingPathComponent(name))
            defer { try? file.close() }
            let size = try file.seekToEnd()
            bytes += Array("\(name) \(size)".utf8)
            try file.seek(toOffset: size - min(size, 1 << 20))
            bytes += try file.readToEnd() ?? Data()
        }
        return String(SHA256.hex(of: bytes).prefix(16))
    }

    private func prepare() throws -> Device {
        if let threads { LibTorch.threads = threads }
        return try Device(named: device)
    }
}
