import ForetokenModel
import ForetokenText
import Torch

extension MultiTokenModel {
    /// The paper's memory-efficient pass (section 2, figure 2): the trunk runs forward, the heads run forward and backward
    /// one after another from a detached z, and the gradient they leave there runs through the trunk once. What one head
    /// keeps is freed before the next begins, so the peak does not grow with n.
    ///
    /// - Parameter backward: the backward pass of one head, given its output [B, T, D], its targets and the factor of its
    ///   summed loss; returns that sum, without the factor.
    func forwardBackwardHeadByHead(
        _ microbatches: [TokenBatch], denominators: [Int], headWeights: [Double], recompute: Recomputation,
        onGradientReady: (Parameter) -> Void,
        backward: (_ hidden: Tensor, _ targets: HeadTargets, _ scale: Double) throws -> Double
    ) throws -> [Double] {
        precondition(configuration.headGraph.isFlat, "heads that read other heads need the reverse walk")
        var losses = [Double](repeating: 0, count: heads.count)
        for (index, microbatch) in microbatches.enumerated() {
            let isLast = index == microbatches.count - 1
            let batch = try BatchTensors(microbatch, for: self)

            let trunkPass = TrunkPass(self, batch, recompute: recompute)
            let d = trunkPass.z.detached(requiresGradient: true)
            for (i, head) in heads.enumerated() {
                let count = Double(max(1, denominators[i]))
                // The head's output and what it was made from live inside this call only.
                losses[i] +=
                    try backward(head(d, batch.context), batch.targets(head: i + 1), headWeights[i] / count) / count
                if isLast { head.parameters.forEach(onGradientReady) }
            }
            if isLast {
                onGradientReady(norm)
                if !configuration.tieEmbeddings { onGradientReady(unembedding) }
            }
            try trunkPass.backward(gradient: d.gradient)
        }
        (trunk.flatMap(\.parameters) + [embedding]).forEach(onGradientReady)
        return losses
    }
}
