import ForetokenFormats
import ForetokenModel
import ForetokenText
import Torch

/// Head 1's own distributions as targets of heads 2…n: the target of head i at position t is head 1's distribution at
/// position t + i − 1, which is what decoding verifies the draft of head i against.
///
/// Of each distribution the k most probable tokens are kept and scaled to a sum of 1.
struct SelfDistillation {
    /// [B, T, k] int64, and their probabilities.
    private let tokens, probabilities: Tensor

    /// Runs head 1, and the heads that it reads, once more without gradient.
    ///
    /// - Parameters:
    ///   - model: has the heads.
    ///   - topK: k; the whole vocabulary if that is smaller.
    ///   - x: the micro-batch.
    ///   - z: the trunk's output over it.
    init(_ model: MultiTokenModel, topK: Int, _ x: EmbeddedBatch, _ z: TrunkOutput) {
        (tokens, probabilities) = withoutGradient {
            let output = Self.headOneOutput(model, x, z)
            let (width, vocabulary) = (output.shape[2], model.configuration.vocabulary)
            let rows = output.reshaped(-1, width)
            let chunk = Tensor.fusedCrossEntropyChunk(
                rows: rows.shape[0], vocabulary: vocabulary, logitsBytes: FusedObjective.logitsBytes(on: model.device))
            let parts = stride(from: 0, to: rows.shape[0], by: chunk).map { start in
                model.logits(rows.narrowed(axis: 0, from: start, count: min(chunk, rows.shape[0] - start)))
                    .to(model.dtype).top(min(topK, vocabulary), axis: 1)
            }
            func joined(_ part: [Tensor]) -> Tensor {
                Tensor.concatenating(part, axis: 0).reshaped(output.shape[0], output.shape[1], -1)
            }
            return (joined(parts.map(\.indices)), joined(parts.map(\.values)).softmax(axis: 2))
        }
    }

    private static func headOneOutput(_ model: MultiTokenModel, _ x: EmbeddedBatch, _ z: TrunkOutput) -> Tensor {
        var outputs = HeadOutputs(z: z.detached(requiresGradient: false))
        var output: Tensor?
        for head in model.headPasses(model.configuration.headGraph.nodes(for: [1]), over: x, detachTrunk: true) {
            output = head(outputs.input(of: head))
            outputs[head] = output
        }
        guard let output else { preconditionFailure("every graph has a head 1, which nothing on its path follows") }
        return output
    }

    /// What head i learns from. Positions with a masked target stay masked, and the last i − 1 of a sequence, where
    /// head 1 has not read far enough, keep the data's token. A batch's own soft targets win.
    ///
    /// - Parameter data: the data's targets; tokens [N, 1].
    func targets(head: Int, insteadOf data: TargetTensors) -> TargetTensors {
        let (batch, length, count) = (tokens.shape[0], tokens.shape[1], tokens.shape[2])
        let known = max(0, length - (head - 1))
        guard head > 1, known > 0, data.probabilities == nil else { return data }
        func later(_ values: Tensor, atTheEnd first: Tensor) -> Tensor {
            let none = (first * 0).to(first.dtype)
            let end = Tensor.concatenating([first] + [Tensor](repeating: none, count: count - 1), axis: 2)
            return Tensor.concatenating(
                [values.narrowed(axis: 1, from: head - 1, count: known), end], axis: 1
            ).reshaped(-1, count)
        }
        let own = data.tokens.reshaped(batch, length, 1)
        let last = own.narrowed(axis: 1, from: known, count: length - known)
        let soft = later(tokens, atTheEnd: last)
        let isMasked = data.tokens.equals((data.tokens * 0 + Double(TokenBatch.ignored)).to(.int64))
        return TargetTensors(
            tokens: isMasked.choosing(data.tokens, else: soft),
            probabilities: later(probabilities, atTheEnd: (last * 0 + 1).to(probabilities.dtype)), rows: data.rows)
    }
}

extension MultiTokenModel {
    /// What heads 2…n learn from instead of the data's tokens, if the options say so.
    func teacher(_ options: ObjectiveOptions, _ x: EmbeddedBatch, _ z: TrunkOutput) -> SelfDistillation? {
        let topK = options.selfDistillationTopK
        return topK > 0 ? SelfDistillation(self, topK: topK, x, z) : nil
    }
}
