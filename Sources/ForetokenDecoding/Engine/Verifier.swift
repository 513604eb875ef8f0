internal import CTorch
import ForetokenModel

/// Trunk and head 1 with their cache: what decides. It knows nothing of the other heads.
final class Verifier {
    private let model: DecodeModel
    private let cache: KeyValueCache
    private var places: [ct_k_row] = []
    private let hidden = FloatBuffer()
    private let latent = FloatBuffer()
    private let logits = FloatBuffer()

    /// Positions whose tokens are committed.
    private(set) var committed = 0

    /// - Parameter maximum: the longest text, drafts included.
    init(_ model: DecodeModel, maximum: Int, pool: CachePool) {
        self.model = model
        cache = KeyValueCache(layers: model.decidingBlocks, maximum: maximum, pool: pool)
    }

    /// One forward pass over tokens at the positions after the committed ones.
    ///
    /// - Parameter outputs: how many rows at the end get logits.
    /// - Returns: z [tokens, D] and head 1's logits [outputs, V], valid until the next pass.
    /// - Throws: `TorchError.outOfMemory`.
    func pass(_ tokens: [Int32], outputs: Int) throws -> (latent: UnsafePointer<Float>, logits: UnsafePointer<Float>) {
        let width = model.configuration.width
        places.removeAll(keepingCapacity: true)
        try cache.reserve(tokens.count, position: committed, into: &places)
        let x = hidden.reserve(max(outputs, min(tokens.count, max(Pass.mostRows, outputs))) * width)
        let latent = latent.reserve(tokens.count * width)
        let logits = logits.reserve(outputs * model.configuration.vocabulary)
        places.withUnsafeBufferPointer { places in
            guard let first = places.baseAddress else { return }
            for chunk in Pass.chunks(of: tokens.count, outputs: outputs) {
                let isLast = chunk.upperBound == tokens.count
                run(
                    tokens[chunk], places: first + chunk.lowerBound, hidden: x,
                    latent: latent + chunk.lowerBound * width,
                    outputs: isLast ? outputs : 0, logits: logits)
            }
        }
        return (UnsafePointer(latent), UnsafePointer(logits))
    }

    private func run(
        _ tokens: ArraySlice<Int32>, places: UnsafePointer<ct_k_row>, hidden x: UnsafeMutablePointer<Float>,
        latent: UnsafeMutablePointer<Float>, outputs: Int, logits: UnsafeMutablePointer<Float>
    ) {
        let rows = tokens.count
        model.embed(tokens, into: x)
        var pass = Pass(model)
        for layer in model.trunk.indices {
            guard let first = model.trunk.baseAddress else { break }
            pass.block(
                first + layer, layer: layer, places: places, rows: rows, outputs: rows, from: x,
                to: layer == model.trunk.count - 1 ? latent : x)
        }
        pass.head(
            model.heads[0], layer: model.trunk.count, places: places, rows: rows, outputs: outputs, from: latent, to: x)
        if outputs > 0 { pass.logits(x, rows: outputs, to: logits) }
        pass.run()
    }

    /// Keeps the first `count` tokens of the last pass and forgets the rest: rejected drafts leave no trace.
    func commit(_ count: Int) {
        committed += count
        cache.truncate(to: committed)
    }
}
