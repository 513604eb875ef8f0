import Torch

extension HeadByHeadPass {
    /// The paper's figure 2, for heads that all read the trunk's output; `HeadByHead+Chained.swift` is for the others.
    ///
    /// What one head keeps is freed before the next begins, so the peak does not grow with n.
    func accumulateGradientsOfFlatHeads() throws {
        let z = trunkOutput(x)
        let d = z.detached(requiresGradient: z.requiresGradient)
        let y = targets(z)

        // The figure counts 1…n; any order gives the gradient. From n down, gradients are final in one order for all kinds.
        for head in heads.reversed() {
            let p = head(d)  // [B, T, D]; the loss holds the final norm and the unembedding
            try loss(p, y[head]).backward()
        }

        try z.backward(gradient: d.gradient)
    }
}
