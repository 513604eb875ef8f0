internal import CTorch
import ForetokenModel

/// Proposes tokens; the verifier accepts or rejects them, so a drafter can only change the speed.
protocol Drafter: AnyObject {
    /// Takes over z [rows, D] of committed positions, in order, each once.
    func advance(_ latent: UnsafePointer<Float>, rows: Int)

    /// Guesses of the tokens at positions `position`, `position + 1`, …; at most `count`.
    func propose(_ count: Int, position: Int, sampler: Sampler) throws -> [Int32]
}

/// Heads 2, 3, … of the model itself (paper section 3.2): head i at the last committed position guesses i ahead.
///
/// The heads run after the verification and only on committed positions, so their caches never hold a rejected token. Rows
/// wait until a proposal is wanted; of all waiting rows only the last needs more than keys and values.
final class SelfDrafter: Drafter {
    private let model: DecodeModel
    private let caches: [KeyValueCache?]
    private let heads: Int
    private var waiting: [Float] = []
    /// Positions that the heads have seen.
    private(set) var length = 0
    private var places: [ct_k_row] = []
    private let outputs = FloatBuffer()
    private let logits = FloatBuffer()

    /// - Parameter heads: k, heads in use with head 1; at least 2.
    init(_ model: DecodeModel, heads: Int, maximum: Int, pool: CachePool) {
        self.model = model
        self.heads = heads
        caches = (1..<heads).map { index in
            if case .block = model.heads[index] { return KeyValueCache(layers: 1, maximum: maximum, pool: pool) }
            return nil
        }
    }

    func advance(_ latent: UnsafePointer<Float>, rows: Int) {
        waiting += UnsafeBufferPointer(start: latent, count: rows * model.configuration.width)
    }

    func propose(_ count: Int, position: Int, sampler: Sampler) throws -> [Int32] {
        let vocabulary = model.configuration.vocabulary
        let wanted = min(count, heads - 1)
        guard wanted > 0, !waiting.isEmpty else { return [] }
        try runHeads(logitsOf: wanted)
        let scores = logits.reserve(wanted * vocabulary)
        var drafts: [Int32] = []
        for index in 0..<wanted {
            guard
                let draft = sampler.token(scores + index * vocabulary, count: vocabulary, position: position + index)
            else { break }
            drafts.append(draft)
        }
        return drafts
    }

    /// All heads over the waiting rows, so that no cache has a hole when more drafts are wanted later.
    private func runHeads(logitsOf wanted: Int) throws {
        let width = model.configuration.width
        let rows = waiting.count / width
        let last = outputs.reserve((heads - 1) * width)
        let scores = logits.reserve(wanted * model.configuration.vocabulary)
        places.removeAll(keepingCapacity: true)
        for cache in caches { try cache?.reserve(rows, position: length, into: &places) }
        waiting.withUnsafeBufferPointer { z in
            places.withUnsafeBufferPointer { places in
                guard let z = z.baseAddress else { return }
                for chunk in Pass.chunks(of: rows, outputs: 1) {
                    var pass = Pass(model)
                    let isLast = chunk.upperBound == rows
                    var place = places.baseAddress
                    for (index, cache) in caches.enumerated() {
                        pass.head(
                            model.heads[index + 1], layer: 0, places: place.map { $0 + chunk.lowerBound },
                            rows: chunk.count, outputs: isLast ? 1 : 0, from: z + chunk.lowerBound * width,
                            to: last + index * width)
                        if cache != nil { place = place.map { $0 + rows } }
                    }
                    if isLast { pass.logits(last, rows: wanted, to: scores) }
                    pass.run()
                }
            }
        }
        length += rows
        waiting.removeAll(keepingCapacity: true)
    }
}
