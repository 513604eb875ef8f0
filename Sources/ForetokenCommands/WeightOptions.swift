public import ArgumentParser
public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenText
import Foundation

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

    @Flag(
        help: ArgumentHelp(
            "On a GPU, capture passes as CUDA graphs.",
            discussion: "Experimental: found in LibTorch by symbol name, and run by no GPU so far. Off by default."))
    var cudaGraphs = false

    @Option(parsing: .unconditional, help: "CPU threads; all if not given.")
    var threads: Int?

    func validate() throws {
        try require(threads, "--threads", in: 1...1024)
        guard !cudaGraphs || device != "cpu" else {
            throw ValidationError("--cuda-graphs is for --device cuda; leave it out on the CPU")
        }
    }

    /// Reads a model with its tokenizer, and says from which folder: a run that trains on has a newer one soon.
    @ComputeActor
    func load(_ path: Path) throws -> (model: DecodeModel, tokenizer: any Tokenizer, folder: URL) {
        let folder = try ModelFolder.locate(path.url)
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        return (try load(source), tokenizer, folder)
    }

    /// A model's weights.
    @ComputeActor
    func load(_ source: any WeightSource) throws -> DecodeModel {
        let torch = device == "cpu" ? TorchCommands.present : try TorchCommands.required(for: "--device \(device)")
        if let threads { (torch?.setThreads ?? { CPUKernels.threads = $0 })(threads) }
        guard let torch else { return try DecodeModel(reading: source, format: weights) }
        return try torch.decodeModel(source, weights, device, exact, cudaGraphs)
    }

    /// Tells a model, as it is held and run here, from others: by its descriptions, its tokenizer and pieces all over its
    /// weight files.
    func fingerprint(of folder: URL) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        var bytes = Array("\(weights) \(device) \(exact)".utf8)
        for name in names + ["foretoken/config.json"] where name.hasSuffix(".json") || name.hasSuffix(".model") {
            guard let text = try? Data(contentsOf: folder.appendingPathComponent(name)) else { continue }
            bytes += Array("\(name) \(SHA256.hex(of: Array(text)))".utf8)
        }
        for name in names where name.hasSuffix(".safetensors") || name.hasSuffix(".pth") {
            let file = try FileHandle(forReadingFrom: folder.appendingPathComponent(name))
            defer { try? file.close() }
            let size = try file.seekToEnd()
            bytes += Array("\(name) \(size)".utf8)
            // 64 pieces of 64 KiB: all of a small file.
            let step = max(1 << 16, size / 64)
            for offset in stride(from: 0, to: size, by: Int(step)) {
                try file.seek(toOffset: offset)
                bytes += try file.read(upToCount: 1 << 16) ?? Data()
            }
        }
        return String(SHA256.hex(of: bytes).prefix(16))
    }
}
