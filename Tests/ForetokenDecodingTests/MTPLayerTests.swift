import ForetokenFormats
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenDecoding

/// Checkpoints in MiMo-7B's form decode as plain PyTorch does (Tests/ForetokenModelTests/Fixtures/mtp/make_fixtures.py): the text, and
/// every draft.
@Suite(.serialized) struct MTPLayerTests {
    private func folder(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("ForetokenModelTests/Fixtures/mtp/\(name)")
    }

    @Test(arguments: ["mimo", "mimo-tied", "qwen3", "llama"])
    func draftsAndTextEqualTheReference(name: String) throws {
        let expected = try SafetensorsFile(contentsOf: folder(name).appendingPathComponent("expected.safetensors"))
        func tokens(_ tensor: String) throws -> [Int32] {
            try expected.tensor(tensor).elements(as: Int64.self).map { Int32($0) }
        }
        let (greedy, drafts) = (try tokens("greedy"), try tokens("drafts"))
        let model = try DecodeModel(reading: ModelFolder.source(folder(name)))
        var request = GenerationRequest(prompt: try tokens("prompt"), maximumTokens: greedy.count, heads: 1)
        let nextToken = try decode(model, request).1
        #expect(nextToken.tokens == greedy && nextToken.forwards == greedy.count)

        request.heads = 2
        let engine = DecodeEngine(model)
        let sequence = try DecodingSequence(model, request, tokenizer: ByteTokenizer(), allocator: engine.allocator)
        var (proposed, right) = (0, 0)
        while !sequence.isFinished {
            try engine.step([sequence])
            guard !sequence.isFinished, !sequence.isPrefilling, let draft = sequence.drafts.first else { continue }
            let place = sequence.statistics.tokens.count
            #expect(draft == drafts[place], "the draft of token \(place)")
            proposed += 1
            right += draft == greedy[place] ? 1 : 0
        }
        #expect(sequence.statistics.tokens == greedy)
        // Every draft that is the reference's own choice is accepted, and no other.
        #expect(sequence.statistics.drafts.accepted == right && right > 3 && proposed > right)
        #expect(sequence.statistics.forwards == greedy.count - right)
    }
}
