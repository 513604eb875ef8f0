import ForetokenFormats
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
