import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenDecoding

@Suite struct OneLayerTests {
    /// Written, read back as another program's checkpoint would be, and decoded: the forward pass's first choices.
    @Test func aSingleHeadModelOfOneLayerDecodes() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 258, width: 32, layers: 1, attentionHeads: 4, feedForwardWidth: 48, heads: 1,
                contextLength: 40,
                beginningOfText: 256, endOfText: 257), seed: 7)
        try ModelFolder.write(model, to: folder)
        try FileManager.default.removeItem(at: folder.appendingPathComponent("foretoken"))
        let decoder = try DecodeModel(reading: ModelFolder.source(folder))
        let prompt: [Int32] = [256, 10, 20, 30]
        let session = try DecodingSession(
            decoder, GenerationRequest(prompt: prompt, maximumTokens: 12, heads: 1), tokenizer: ByteTokenizer())
        while try session.step() != nil {}
        var tokens = prompt.map(Int64.init)
        for token in session.statistics.tokens {
            let logits = withoutGradient { model.allLogits(Tensor(tokens, shape: [1, tokens.count]))[0] }
            let choices: [Int64] = logits.argmax(axis: 2).elements()
            #expect(choices.last == Int64(token))
            tokens.append(Int64(token))
        }
        #expect(session.statistics.tokens.count == 12)
    }
}
