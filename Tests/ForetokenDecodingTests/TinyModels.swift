import ForetokenModel
import ForetokenText
import ForetokenTraining
import Synchronization
import Torch

@testable import ForetokenDecoding

/// Tiny models, trained for a moment so that their heads agree sometimes; each kind once for all tests.
enum TinyModels {
    private final class Trained: @unchecked Sendable {
        let model: MultiTokenModel
        init(_ model: MultiTokenModel) { self.model = model }
    }
    private static let cache = Mutex<[String: Trained]>([:])

    static func trained(
        _ kind: HeadKind, heads: Int, context: Int = 96, unembedding: UnembeddingKind = .shared,
        finalNorm: FinalNormKind = .shared
    ) throws -> MultiTokenModel {
        let key = "\(kind) \(heads) \(context) \(unembedding) \(finalNorm)"
        if let known = cache.withLock({ $0[key] }) { return known.model }
        let trained = Trained(try train(kind, heads: heads, context: context, unembedding, finalNorm))
        cache.withLock { $0[key] = trained }
        return trained.model
    }

    private static func train(
        _ kind: HeadKind, heads: Int, context: Int, _ unembedding: UnembeddingKind, _ finalNorm: FinalNormKind
    ) throws -> MultiTokenModel {
        var configuration = ModelConfiguration(
            vocabulary: 258, width: 32, layers: heads + 2, attentionHeads: 4, keyValueHeads: 2, headDimension: 10,
            feedForwardWidth: 50, heads: heads, headKind: kind, unembedding: unembedding, contextLength: context,
            beginningOfText: 256, endOfText: 257)
        configuration.finalNorm = finalNorm
        let model = try MultiTokenModel(configuration, seed: 5)
        let optimizer = try AdamW(model.parameters, betas: (0.9, 0.95), epsilon: 1e-8, decay: 0)
        let text = ByteTokenizer().encode("for i in range(10):\n    print(i, i + 1, i * 2)\n# the end of it\n")
        let width = 24 + heads
        for step in 0..<60 {
            let tokens = (0..<(4 * width)).map { text[($0 / width * 13 + $0 % width + step * 7) % text.count] }
            let batch = TokenBatch(
                batchSize: 4, sequenceLength: 24, heads: heads, tokens: tokens,
                documents: [Int32](repeating: 0, count: 4 * width))
            _ = try SequentialObjective().accumulateGradients(
                in: model, microbatches: [batch], denominators: [Int](repeating: 96, count: heads),
                headWeights: [Double](repeating: 1, count: heads), onGradientReady: { _ in })
            optimizer.update(rate: 5e-3)
            optimizer.clearGradients()
        }
        return model
    }
}

/// The text and counts of a request alone.
func decode(_ model: DecodeModel, _ request: GenerationRequest) throws -> (String, GenerationStatistics) {
    let session = try DecodingSession(model, request, tokenizer: ByteTokenizer())
    var text = ""
    while let pieces = try session.step() { text += pieces.map(\.text).joined() }
    return (text, session.statistics)
}

/// A text's tokens with the beginning one.
func prompt(_ text: String) -> [Int32] { [256] + ByteTokenizer().encode(text) }
