import ForetokenModel
import ForetokenText
import ForetokenTraining
import Testing
import Torch

@testable import ForetokenDecoding

@Suite(.serialized) struct DrafterTests {
    /// After every pass: draft i is the most likely token of head i + 1 at the last committed position, as the model's full
    /// forward pass over the text and the earlier drafts gives it. The text alone would not reveal bad drafts.
    @Test(
        arguments: HeadKind.allCases,
        [(.shared, .shared), (.replicated, .shared), (.shared, .replicated), (.replicated, .replicated)]
            as [(UnembeddingKind, FinalNormKind)])
    func draftsEqualTheHeadsPredictionsOverTheWholeText(kind: HeadKind, ends: (UnembeddingKind, FinalNormKind)) throws {
        let model = try TinyModels.trained(kind, heads: 4, unembedding: ends.0, finalNorm: ends.1)
        let decoder = try DecodeModel(reading: model)
        let engine = DecodeEngine(decoder)
        // Longer than the limit on waiting rows, so that the heads catch up in between.
        for (start, length) in [("for i", 5), ("# the end of it\n", 60)] {
            let text = String(repeating: start, count: length / start.count)
            let request = GenerationRequest(prompt: prompt(text), maximumTokens: 24, heads: 4)
            let sequence = try DecodingSequence(
                decoder, request, tokenizer: ByteTokenizer(), allocator: engine.allocator)
            var seen = 0
            while !sequence.isFinished {
                try engine.step([sequence])
                guard !sequence.isFinished, !sequence.isPrefilling, !sequence.drafts.isEmpty else { continue }
                let tokens = request.prompt + sequence.statistics.tokens + sequence.drafts
                let last = sequence.committed - 1
                let logits = withoutGradient {
                    model.allLogits(Tensor(tokens.map(Int64.init), shape: [1, tokens.count]))
                }
                for (index, draft) in sequence.drafts.enumerated() {
                    let row: [Float] = logits[index + 1].narrowed(axis: 1, from: last, count: 1).contiguous().elements()
                    // The two most likely tokens may be swapped by the rounding of another order of summation.
                    #expect(row[Int(draft)] > (row.max() ?? 0) - 1e-3, "draft \(index) after \(tokens.count) tokens")
                    seen += 1
                }
            }
            #expect(seen > 10)
        }
    }

    @Test(arguments: HeadKind.allCases)
    func unembeddingsOfTheirOwnChangeNoText(kind: HeadKind) throws {
        let decoder = try DecodeModel(reading: TinyModels.trained(kind, heads: 3, unembedding: .replicated))
        var accepted = 0
        for text in ["for i", "print("] {
            for temperature in [0, 0.8] {
                var request = GenerationRequest(
                    prompt: prompt(text), maximumTokens: 40, heads: 1,
                    sampler: Sampler(temperature: temperature, seed: 3))
                let nextToken = try decode(decoder, request)
                for heads in 2...3 {
                    request.heads = heads
                    let speculative = try decode(decoder, request)
                    #expect(speculative.0 == nextToken.0 && speculative.1.tokens == nextToken.1.tokens)
                    accepted += speculative.1.drafts.accepted
                }
            }
        }
        #expect(accepted > 10)
    }
}
