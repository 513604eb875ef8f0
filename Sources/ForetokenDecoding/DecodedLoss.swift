internal import CTorch
import ForetokenModel
import Foundation

/// Head 1's loss over texts as the decode kernels compute it: what weights in fewer bits cost in accuracy.
public struct DecodedLoss: Sendable, Equatable {
    /// Mean cross-entropy in nats a token.
    public let nats: Double
    /// Tokens predicted.
    public let tokens: Int

    /// Reads each text from its first token, cut off at the model's context.
    ///
    /// - Throws: ``DecodingError``, `TorchError.outOfMemory`.
    public init(_ model: DecodeModel, texts: [[Int32]]) throws {
        let (width, vocabulary) = (model.configuration.width, model.configuration.vocabulary)
        let pool = CachePool(model)
        let (hidden, latent, logits) = (FloatBuffer(), FloatBuffer(), FloatBuffer())
        let taps = model.decidingHeads.dropLast().map { _ in FloatBuffer() }
        var (sum, count) = (0.0, 0)
        for text in texts {
            if let bad = text.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
                throw DecodingError.tokenOutOfRange(token: bad, vocabulary: vocabulary)
            }
            let text = text.prefix(model.configuration.context)
            let cache = KeyValueCache(layers: model.decidingBlocks, maximum: text.count, pool: pool)
            for start in stride(from: 0, to: text.count - 1, by: DecodeEngine.promptRows) {
                let rows = min(DecodeEngine.promptRows, text.count - 1 - start)
                var places: [ct_k_row] = []
                try cache.reserve(rows, position: start, into: &places)
                let x = hidden.reserve(rows * width)
                let z = latent.reserve(rows * width)
                let scores = logits.reserve(rows * vocabulary)
                model.embed(text[start..<start + rows], into: x)
                places.withUnsafeBufferPointer { places in
                    var pass = Pass(model)
                    pass.trunk(places: places.baseAddress, rows: rows, from: x, to: z)
                    pass.decide(
                        places: places.baseAddress, rows: rows, outputs: rows, from: z,
                        taps: taps.map { $0.reserve(rows * width) }, to: x)
                    pass.logits(x, rows: rows, to: scores)
                    pass.run()
                }
                for row in 0..<rows {
                    let row = (
                        scores: UnsafeBufferPointer(start: scores + row * vocabulary, count: vocabulary),
                        at: start + row
                    )
                    let peak = Double(row.scores.max() ?? 0)
                    let total = row.scores.reduce(0.0) { $0 + exp(Double($1) - peak) }
                    sum += log(total) + peak - Double(row.scores[Int(text[row.at + 1])])
                }
                count += rows
            }
        }
        nats = sum / Double(max(1, count))
        tokens = count
    }
}
