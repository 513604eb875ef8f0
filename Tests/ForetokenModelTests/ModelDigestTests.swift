import ForetokenFiles
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenModel

/// The digest that results files hold must change with whatever changes a model's output, and with nothing else.
struct ModelDigestTests {
    private func writeModel(seed: UInt64) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let configuration = ModelConfiguration(
            vocabulary: 20, width: 8, layers: 4, attentionHeads: 2, feedForwardWidth: 12, heads: 2, contextLength: 10)
        try ModelFolder.write(try MultiTokenModel(configuration, seed: seed), to: folder)
        return folder
    }

    @Test func copiesOfAModelShareItsDigest() throws {
        let (first, second) = (try writeModel(seed: 1), try writeModel(seed: 1))
        defer { for folder in [first, second] { try? FileManager.default.removeItem(at: folder) } }
        let digest = try ModelFolder.digest(of: first)
        #expect(digest == (try ModelFolder.digest(of: second)))
        #expect(digest.wholeMatch(of: /[0-9a-f]{16}/) != nil)
        try Data("notes".utf8).write(to: first.appendingPathComponent("README.md"))
        #expect(try ModelFolder.digest(of: first) == digest)
    }

    @Test func settingsAndEveryByteOfASmallModelCount() throws {
        let folder = try writeModel(seed: 1)
        defer { try? FileManager.default.removeItem(at: folder) }
        var digests: Set<String> = [
            try ModelFolder.digest(of: folder), try ModelFolder.digest(of: folder, settings: "int8"),
        ]
        for (name, offset) in [("model.safetensors", -1), ("model.safetensors", -4001), ("config.json", 10)] {
            let file = folder.appendingPathComponent(name)
            let whole = try Data(contentsOf: file)
            var changed = whole
            changed[offset < 0 ? whole.count + offset : offset] ^= 1
            try changed.write(to: file)
            digests.insert(try ModelFolder.digest(of: folder))
            try whole.write(to: file)
        }
        #expect(digests.count == 5)
    }

    /// The definition written out for one small file: older results files hold these digests.
    @Test func theDigestIsThatOfOlderResultsFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("{}".utf8).write(to: folder.appendingPathComponent("config.json"))
        try Data("weights".utf8).write(to: folder.appendingPathComponent("model.safetensors"))
        // SHA-256 of "{}", as sha256sum prints it.
        let configuration = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        let text = "f32 cpu falseconfig.json \(configuration)model.safetensors 7weights"
        #expect(
            try ModelFolder.digest(of: folder, settings: "f32 cpu false")
                == String(SHA256.hex(of: Array(text.utf8)).prefix(16)))
    }

    @Test func groupCountsAddUpToAllParameters() throws {
        let outline = try ModelOutline(
            ModelConfiguration(
                vocabulary: 20, width: 8, layers: 5, attentionHeads: 2, feedForwardWidth: 12, heads: 3,
                contextLength: 10))
        #expect(
            outline.groupCounts.map(\.group) == [.embedding, .trunk, .head(1), .head(2), .head(3), .unembedding])
        #expect(outline.groupCounts.reduce(0) { $0 + $1.count } == outline.parameterCount)
        // The embedding, V·D; and the unembedding with the final norm, V·D + D.
        #expect(outline.groupCounts.first?.count == 160 && outline.groupCounts.last?.count == 168)
    }
}
