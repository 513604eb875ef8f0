internal import CTorch
import ForetokenModel

/// Trunk and head 1 with their caches: what decides. It knows nothing of the other heads.
final class Verifier {
    private let model: DecodeModel
    private let workspace: Workspace
    private let trunkCaches: [KeyValueCache]
    private let headCache: KeyValueCache?

    /// Positions whose tokens are committed.
    private(set) var committed = 0

    init(_ model: DecodeModel, workspace: Workspace, capacity: Int) throws {
        self.model = model
        self.workspace = workspace
        trunkCaches = try model.trunk.map { _ in try Self.cache(model, capacity) }
        if case .block = model.heads[0] { headCache = try Self.cache(model, capacity) } else { headCache = nil }
    }

    static func cache(_ model: DecodeModel, _ capacity: Int) throws -> KeyValueCache {
        try KeyValueCache(
            keyValueHeads: model.configuration.keyValueHeads, capacity: capacity,
            headDimension: model.configuration.headDimension)
    }

    /// One forward pass over tokens at the positions after the committed ones.
    ///
    /// - Parameter outputs: how many rows at the end get logits.
    /// - Returns: z [tokens, D] and head 1's logits [outputs, V], valid until the next pass.
    func pass(_ tokens: [Int32], outputs: Int) -> (latent: UnsafePointer<Float>, logits: UnsafePointer<Float>) {
        let width = model.configuration.width
        let positions = (committed..<(committed + tokens.count)).map(Int64.init)
        let x = workspace.hidden.reserve(tokens.count * width)
        for (row, token) in tokens.enumerated() {
            (x + row * width).update(from: model.embedding.pointer + Int(token) * width, count: width)
        }
        for (block, cache) in zip(model.trunk, trunkCaches) {
            block.run(
                x, rows: tokens.count, outputs: tokens.count, positions: positions, cache: cache,
                rotary: model.rotary, workspace: workspace)
        }
        let latent = workspace.latent.reserve(tokens.count * width)
        latent.update(from: x, count: tokens.count * width)
        let hidden = model.apply(
            head: 0, to: x, rows: tokens.count, outputs: outputs, positions: positions, cache: headCache,
            workspace: workspace)
        let logits = workspace.logits.reserve(outputs * model.configuration.vocabulary)
        model.logits(hidden, rows: outputs, into: logits, workspace: workspace)
        return (UnsafePointer(latent), UnsafePointer(logits))
    }

    /// Keeps the first `count` tokens of the last pass and forgets the rest: rejected drafts leave no trace.
    func commit(_ count: Int) {
        committed += count
        for cache in trunkCaches { cache.truncate(to: committed) }
        headCache?.truncate(to: committed)
    }
}

extension DecodeModel {
    /// A head over rows of its input, in place for blocks.
    ///
    /// - Returns: [outputs, D], the head's output for the last `outputs` rows.
    func apply(
        head index: Int, to x: UnsafeMutablePointer<Float>, rows: Int, outputs: Int, positions: [Int64],
        cache: KeyValueCache?, workspace: Workspace
    ) -> UnsafeMutablePointer<Float> {
        let width = configuration.width
        let tail = x + (rows - outputs) * width
        switch heads[index] {
        case .block(let block):
            if let cache {
                block.run(
                    x, rows: rows, outputs: outputs, positions: positions, cache: cache, rotary: rotary,
                    workspace: workspace)
            }
            return tail
        case .linear(let map):
            let result = workspace.head.reserve(outputs * width)
            product([job(map, result)], tail, rows: outputs)
            return result
        }
    }

    /// Final norm and unembedding: [rows, D] to [rows, V].
    func logits(
        _ hidden: UnsafePointer<Float>, rows: Int, into logits: UnsafeMutablePointer<Float>, workspace: Workspace
    ) {
        let width = configuration.width
        let normed = workspace.normed.reserve(rows * width)
        ct_k_rms_norm(hidden, Int64(rows), Int64(width), norm.pointer, Float(configuration.normEpsilon), normed)
        product([job(unembedding, logits)], normed, rows: rows)
    }
}
