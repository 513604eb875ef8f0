import ForetokenFormats
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenModel

/// Exported models load in PyTorch with the safe loader, and the reference implementation gives the same logits.
///
/// Opt-in: FORETOKEN_PYTHON names a Python with torch.
struct MetaInteroperabilityTests {
    private static let python = ProcessInfo.processInfo.environment["FORETOKEN_PYTHON"]

    private static let script = """
        import json, sys, zipfile, torch
        sys.path.insert(0, sys.argv[1])
        from reference import load
        file = sys.argv[2] + "/consolidated.pth"
        assert zipfile.ZipFile(file).testzip() is None
        plain, mapped = (torch.load(file, weights_only=True, mmap=m) for m in (False, True))
        assert all(torch.equal(plain[k], mapped[k]) for k in plain)
        same = plain["output.weight"].data_ptr() == plain["tok_embeddings.weight"].data_ptr()
        assert same == (sys.argv[4] == "tied")
        assert {str(t.dtype) for t in plain.values()} == {"torch." + sys.argv[5]}
        logits = load(sys.argv[2])(torch.tensor(json.loads(sys.argv[3])))
        print(json.dumps([head.flatten().tolist() for head in logits.unbind(2)]))
        """

    @Test(
        .enabled(if: python != nil, "set FORETOKEN_PYTHON to a Python with torch"),
        arguments: [(DType.float32, false), (.bfloat16, false), (.float16, true)])
    func torchLoadsWhatIsWrittenAndComputesTheSameLogits(dtype: DType, isTied: Bool) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let configuration = ModelConfiguration(
            vocabulary: 50, width: 64, layers: 6, attentionHeads: 4, keyValueHeads: 2, feedForwardWidth: 100, heads: 4,
            contextLength: 4096, tieEmbeddings: isTied)
        let model = try MultiTokenModel(configuration, seed: 3, dtype: dtype)
        let out = folder.appendingPathComponent("out")
        _ = try MetaFormat.write(model, to: out, options: ConversionOptions())
        let tokens: [Int64] = (0..<20).map { ($0 * 37 + 11) % 50 }
        let single = try MultiTokenModel(reading: MetaCheckpoint(out))
        let ours: [[Float]] = withoutGradient {
            single.allLogits(Tensor(tokens, shape: [1, tokens.count])).map { $0.reshaped(-1).elements() }
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = [
            "-c", Self.script, MetaCheckpointTests.fixture("").path, out.path, "[\(tokens)]",
            isTied ? "tied" : "apart",
            dtype.description,
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        let output = folder.appendingPathComponent("logits.json")
        try Data().write(to: output)
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        let theirs = try JSONDecoder().decode([[Float]].self, from: Data(contentsOf: output))
        #expect(theirs.count == 4)
        for (a, b) in zip(ours, theirs) {
            // float32 sums in two orders, over logits of size about 1; a few 1e-6 each.
            #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 5e-5 })
            #expect(a.map(abs).max() ?? 0 > 0.1)
        }
    }
}
