import ForetokenFormats
import ForetokenModel
import ForetokenText
import Torch

/// Head 1's own distributions as what heads 2…n learn from (self-distillation): where head i predicts token t + i from the
/// tokens to t, head 1 knows those to t + i − 1, and what it expects there is the very thing that a draft must hit.
///
/// Of each distribution the k most probable tokens are kept and scaled to a sum of 1.
struct HeadOneTargets {
    /// [B, T, k] int64, and their probabilities.
    private let tokens, probabilities: Tensor

    /// - Parameters:
    ///   - model: runs head 1, and the heads that it reads, once more without gradient.
    ///   - count: k; the whole vocabulary if that is smaller.
    init(_ model: MultiTokenModel, _ trunk: TrunkPass, count: Int) {
        (tokens, probabilities) = withoutGradient {
            var walk = HeadWalk(model, trunk, z: trunk.z.detached(), detachTrunk: true)
            for node in model.configuration.headGraph.nodes(for: [1]) { walk.outputs[node.head] = walk.run(node) }
            guard let output = walk.outputs[1] else { preconditionFailure("every graph has a head 1") }
            let (width, vocabulary) = (output.shape[2], model.configuration.vocabulary)
            let rows = output.reshaped(-1, width)
            let chunk = Tensor.fusedCrossEntropyChunk(
                rows: rows.shape[0], vocabulary: vocabulary, logitsBytes: FusedObjective.logitsBytes(on: model.device))
            let parts = stride(from: 0, to: rows.shape[0], by: chunk).map { start in
                model.logits(rows.narrowed(axis: 0, from: start, count: min(chunk, rows.shape[0] - start)))
                    .to(model.dtype).top(min(count, vocabulary), axis: 1)
            }
            func joined(_ part: [Tensor]) -> Tensor {
                Tensor.concatenating(part, axis: 0).reshaped(output.shape[0], output.shape[1], -1)
            }
            return (joined(parts.map(\.indices)), joined(parts.map(\.values)).softmax(axis: 2))
        }
    }

    /// What head i learns from. Positions with a masked target stay masked, and the last i − 1 of a sample, where head 1 has
    /// not read far enough, keep the data's token. A batch's own soft targets win.
    ///
    /// - Parameter hard: the data's targets [N, 1].
    func targets(head: Int, hard: HeadTargets) -> HeadTargets {
        let (batch, length, count) = (tokens.shape[0], tokens.shape[1], tokens.shape[2])
        let known = max(0, length - (head - 1))
        guard head > 1, known > 0, hard.probabilities == nil else { return hard }
        func later(_ values: Tensor, atTheEnd first: Tensor) -> Tensor {
            let none = (first * 0).to(first.dtype)
            let end = Tensor.concatenating([first] + [Tensor](repeating: none, count: count - 1), axis: 2)
            return Tensor.concatenating(
                [values.narrowed(axis: 1, from: head - 1, count: known), end], axis: 1
            ).reshaped(-1, count)
        }
        let own = hard.tokens.reshaped(batch, length, 1)
        let last = own.narrowed(axis: 1, from: known, count: length - known)
        let soft = later(tokens, atTheEnd: last)
        let isMasked = hard.tokens.equals((hard.tokens * 0 + Double(TokenBatch.ignored)).to(.int64))
        return HeadTargets(
            tokens: isMasked.choosing(hard.tokens, else: soft),
            probabilities: later(probabilities, atTheEnd: (last * 0 + 1).to(probabilities.dtype)), rows: hard.rows)
    }
}
