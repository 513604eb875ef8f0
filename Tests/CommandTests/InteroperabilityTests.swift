import ForetokenModel
import ForetokenTraining
import Foundation
import Testing
import Torch

/// A model's folder is a plain Llama of head 1 to Hugging Face's transformers, unless its heads are linear.
///
/// Opt-in: FORETOKEN_PYTHON names a Python with torch and transformers.
struct InteroperabilityTests {
    private static let python = ProcessInfo.processInfo.environment["FORETOKEN_PYTHON"]

    private static let script = """
        import json, sys, torch
        from transformers import LlamaForCausalLM
        model, info = LlamaForCausalLM.from_pretrained(sys.argv[1], output_loading_info=True, torch_dtype=torch.float32)
        assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
        tokens = torch.tensor([json.loads(sys.argv[2])])
        with torch.no_grad(): logits = model(tokens).logits
        print(json.dumps(logits.flatten().tolist()))
        """

    @Test(
        .enabled(if: python != nil, "set FORETOKEN_PYTHON to a Python with torch and transformers"),
        arguments: [
            (HeadKind.parallel, keyValueHeads: 4, isTied: false), (.parallel, 2, true), (.causal, 2, true),
            (.anticausal, 4, false), (.deepseek, 2, true),
        ])
    func transformersOpensHeadOneAndComputesTheSameLogits(kind: HeadKind, keyValueHeads: Int, isTied: Bool) throws {
        let configuration = ModelConfiguration(
            vocabulary: 258, width: 64, layers: 6, attentionHeads: 4, keyValueHeads: keyValueHeads,
            feedForwardWidth: 96, heads: 3, headKind: kind, unembedding: isTied ? .replicated : .shared,
            contextLength: 32,
            tieEmbeddings: isTied, beginningOfText: 256, endOfText: 257)
        let model = try MultiTokenModel(configuration, seed: 5)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try ModelFolder.write(model, to: folder)
        let tokens: [Int64] = [256] + (0..<31).map { ($0 * 37 + 11) % 256 }
        let ours: [Float] = withoutGradient {
            model.allLogits(Tensor(tokens, shape: [1, tokens.count]))[0].reshaped(-1).elements()
        }

        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = ["-c", Self.script, folder.path, "\(tokens)"]
        let output = folder.appendingPathComponent("logits.json")
        try Data().write(to: output)
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let theirs = try JSONDecoder().decode([Float].self, from: Data(contentsOf: output))
        #expect(theirs.count == ours.count)
        // float32 sums in another order, over logits of size about 1.
        #expect(zip(ours, theirs).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect((ours.map(abs).max() ?? 0) > 0.1)
    }
}
