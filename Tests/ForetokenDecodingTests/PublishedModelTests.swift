import ForetokenModel
import ForetokenText
import Foundation
import Testing

@testable import ForetokenDecoding

/// The model in Models/python-bytes: its files match its card, and it decodes several bytes at a time.
@Suite(.serialized) struct PublishedModelTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let folder = root.appendingPathComponent("Models/python-bytes")

    private static func model() throws -> DecodeModel { try DecodeModel(reading: ModelFolder.source(folder)) }

    @Test func filesAreThoseOfTheCard() throws {
        let card = try String(contentsOf: Self.folder.appendingPathComponent("README.md"), encoding: .utf8)
        var bytes = 0
        for file in ["model.safetensors", "foretoken/heads.safetensors"] {
            let url = Self.folder.appendingPathComponent(file)
            bytes += try Data(contentsOf: url).count
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["sha256sum", url.path]
            process.standardOutput = output
            try process.run()
            let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            let digest = try #require(printed.split(separator: " ").first)
            #expect(digest.count == 64)
            #expect(card.contains("`\(digest)` | `\(file)`"), "\(file) is not the card's")
        }
        #expect(bytes <= 8 << 20)
    }

    @Test(arguments: [0, 0.8])
    func decodesSeveralBytesAForwardAndLosesNothing(temperature: Double) throws {
        let model = try Self.model()
        #expect(model.configuration.heads == 8)
        var (tokens, forwards) = (0, 0)
        let starts = [
            "def __init__(self, ", "import os\nimport sys\n\n\n", "    for key, value in ", "class TestCase(",
        ]
        for start in starts {
            var request = GenerationRequest(
                prompt: prompt(start), maximumTokens: 200, heads: 1,
                sampler: Sampler(temperature: temperature, seed: 1))
            let nextToken = try decode(model, request).1
            request.heads = 8
            let speculative = try decode(model, request).1
            #expect(speculative.tokens == nextToken.tokens)
            tokens += speculative.tokens.count
            forwards += speculative.forwards
        }
        #expect(Double(tokens) / Double(forwards) > (temperature == 0 ? 2 : 1.4))
    }

    /// Python that it has not read: this repository's.
    @Test func knowsPython() throws {
        let model = try Self.model()
        let texts = try ["Benchmarks/pytorch_train.py", "scripts/wheels.py"].map { path in
            prompt(try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8))
        }
        let bits = try DecodedLoss(model, texts: texts).nats / log(2)
        #expect(bits < 3)
    }
}
