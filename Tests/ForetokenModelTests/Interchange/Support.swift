import ForetokenFiles
import ForetokenFormats
import ForetokenModel
import ForetokenTraining
import Foundation
import Testing
import Torch

/// A checkpoint of Hugging Face's and the logits that transformers computes with it (Fixtures/huggingface/make_fixtures.py).
struct HuggingFaceFixture: Sendable, CustomTestStringConvertible {
    let name: String
    var testDescription: String { name }

    static let all = [
        "llama", "llama-bias-tied", "llama-3", "mistral", "mistral-wide-window", "qwen2", "qwen2-untied", "qwen3",
        "qwen3-bias", "llama-mlp-bias", "llama-linear", "llama-dynamic", "llama-yarn", "qwen3-yarn", "mistral-window",
        "qwen2-window", "qwen3-window",
    ].map(HuggingFaceFixture.init)

    var url: URL {
        get throws {
            try #require(Bundle.module.url(forResource: "Fixtures/huggingface/\(name)", withExtension: nil))
        }
    }

    var tokens: Tensor {
        get throws {
            let tokens = try expected.tensor("tokens")
            return tokens.reshaped(1, tokens.count)
        }
    }

    var logits: [Float] { get throws { try expected.tensor("logits").elements() } }

    private var expected: SafetensorsFile {
        get throws { try SafetensorsFile(contentsOf: url.appendingPathComponent("expected.safetensors")) }
    }

    /// Head 1's logits of a model over the tokens.
    func logits(of model: MultiTokenModel) throws -> [Float] {
        let tokens = try tokens
        return withoutGradient { model.allLogits(tokens)[0].elements() }
    }

    /// A copy in a folder of its own.
    func copy(to folder: Scratch) throws -> URL {
        let copy = folder.file("copy-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: try url, to: copy)
        return copy
    }
}

/// A temporary folder, removed at the end.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// Changes a JSON file's object.
func edit(_ url: URL, _ change: (inout JSONObject) -> Void) throws {
    var object = try JSONNode(contentsOf: url).object()
    change(&object)
    try JSONValue.object(object).write(to: url)
}

/// The message of the error that `body` throws.
func sentence(_ comment: Comment? = nil, _ body: () throws -> Void) -> String {
    let error = #expect(throws: (any Error).self, comment, performing: body)
    return error.map { "\($0)" } ?? ""
}

/// Deterministic random numbers.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) ^ (state << 31) ^ state
    }
}
