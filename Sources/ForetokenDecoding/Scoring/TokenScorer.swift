import ForetokenModel

/// Head 1's log-probabilities of given tokens, as the decode kernels compute them.
final class TokenScorer {
    private let model: DecodeModel
    private let allocator: BlockAllocator
    private let hidden = FloatBuffer()
    private let trunkOutput = FloatBuffer()
    private let logits = FloatBuffer()
    private let headOutputs: [FloatBuffer]

    init(_ model: DecodeModel) {
        self.model = model
        allocator = BlockAllocator(model)
        headOutputs = model.nextTokenPath.dropLast().map { _ in FloatBuffer() }
    }

    /// An empty cache for at most `maximum` tokens.
    func makeCache(maximum: Int) -> KeyValueCache {
        KeyValueCache(layers: model.nextTokenBlocks, maximum: maximum, allocator: allocator)
    }

    /// Fails for a token that the model does not have.
    ///
    /// - Throws: ``DecodingError/tokenOutOfRange(token:vocabulary:)``.
    func check(_ tokens: some Sequence<Int32>) throws(DecodingError) {
        let vocabulary = model.configuration.vocabulary
        if let bad = tokens.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
            throw .tokenOutOfRange(token: bad, vocabulary: vocabulary)
        }
    }

    /// Runs tokens through the model after those that the cache holds.
    ///
    /// - Parameters:
    ///   - tokens: the tokens; the cache's slots are their positions.
    ///   - cache: takes their keys and values.
    ///   - targets: the tokens that come after the last `targets.count` of them.
    ///   - body: called for every target in order with its negative log-probability in nats.
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func run(
        _ tokens: some Collection<Int32>, in cache: KeyValueCache, targets: some Collection<Int32>,
        body: (Double) -> Void
    ) throws {
        var (rest, targets) = (Array(tokens)[...], Array(targets)[...])
        while !rest.isEmpty {
            let part = rest.prefix(DecodeEngine.promptRows)
            rest.removeFirst(part.count)
            let silent = max(0, part.count + rest.count - targets.count)
            let wanted = targets.prefix(max(0, part.count - silent))
            targets.removeFirst(wanted.count)
            try pass(Array(part), cache, Array(wanted), body)
        }
    }

    /// One pass; the targets follow the last of its rows.
    private func pass(_ tokens: [Int32], _ cache: KeyValueCache, _ targets: [Int32], _ body: (Double) -> Void) throws {
        let (width, vocabulary) = (model.configuration.width, model.configuration.vocabulary)
        let (rows, outputs) = (tokens.count, targets.count)
        var rowTable: [AttentionMetadata] = []
        try cache.reserve(rows, position: cache.count, into: &rowTable)
        let x = hidden.reserve(rows * width)
        let z = trunkOutput.reserve(rows * width)
        let scores = logits.reserve(outputs * vocabulary)
        model.backend.embed(tokens, into: x)
        try rowTable.withUnsafeBufferPointer { rowTable in
            var pass = Pass(model, allocator)
            pass.trunk(rowTable: rowTable.baseAddress, rows: rows, from: x, to: z)
            pass.nextToken(
                rowTable: rowTable.baseAddress, rows: rows, outputs: outputs, from: z,
                headOutputs: headOutputs.map { $0.reserve(rows * width) }, to: x)
            if outputs > 0 { pass.logits(x, rows: outputs, to: scores) }
            try pass.run()
        }
        for (row, target) in targets.enumerated() {
            let scores = UnsafeBufferPointer(start: scores + row * vocabulary, count: vocabulary)
            body(-LogProbabilities(scores)[target])
        }
    }
}
