import ForetokenModel
import ForetokenPlatform

/// Head 1's loss over texts as the decode kernels compute it: what weights in fewer bits cost in accuracy.
public struct DecodedLoss: Sendable, Equatable {
    /// Mean cross-entropy in nats a token.
    public let nats: Double
    /// Tokens predicted.
    public let tokens: Int

    /// Reads each text from its first token, cut off at the model's context.
    ///
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``.
    public init(_ model: DecodeModel, texts: [[Int32]]) throws {
        let (width, vocabulary) = (model.configuration.width, model.configuration.vocabulary)
        let pool = CachePool(model)
        let (hidden, trunkOutput, logits) = (FloatBuffer(), FloatBuffer(), FloatBuffer())
        let headOutputs = model.nextTokenPath.dropLast().map { _ in FloatBuffer() }
        var (sum, count) = (0.0, 0)
        for text in texts {
            if let bad = text.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
                throw DecodingError.tokenOutOfRange(token: bad, vocabulary: vocabulary)
            }
            let text = text.prefix(model.configuration.context)
            let cache = KeyValueCache(layers: model.nextTokenBlocks, maximum: text.count, pool: pool)
            for start in stride(from: 0, to: text.count - 1, by: DecodeEngine.promptRows) {
                let rows = min(DecodeEngine.promptRows, text.count - 1 - start)
                var rowTable: [AttentionMetadata] = []
                try cache.reserve(rows, position: start, into: &rowTable)
                let x = hidden.reserve(rows * width)
                let z = trunkOutput.reserve(rows * width)
                let scores = logits.reserve(rows * vocabulary)
                model.backend.embed(Array(text[start..<start + rows]), into: x)
                try rowTable.withUnsafeBufferPointer { rowTable in
                    var pass = Pass(model, pool)
                    pass.trunk(rowTable: rowTable.baseAddress, rows: rows, from: x, to: z)
                    pass.nextToken(
                        rowTable: rowTable.baseAddress, rows: rows, outputs: rows, from: z,
                        headOutputs: headOutputs.map { $0.reserve(rows * width) }, to: x)
                    pass.logits(x, rows: rows, to: scores)
                    try pass.run()
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
