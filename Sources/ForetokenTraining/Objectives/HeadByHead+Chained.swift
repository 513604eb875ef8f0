import Torch

extension HeadByHeadPass {
    /// The same where heads read other heads (the paper's figure S11). The walk begins at the head farthest from the
    /// trunk: a head's output collects the gradient of its readers, adds that of its own loss, and passes the sum on to
    /// what the head read.
    ///
    /// Heads that are read run forward twice, and what grows with n is one output [B, T, D] for each of them.
    func accumulateGradientsOfChainedHeads() throws {
        let z = trunkOutput(x)
        let d = z.detached(requiresGradient: z.requiresGradient)
        let y = targets(z)

        var outputs = HeadOutputs(z: d)
        for head in heads where heads.contains(where: { $0.reads(head) }) {
            let output = withoutGradient { head(outputs.input(of: head)) }
            outputs[head] = output.detached(requiresGradient: true)
        }

        for head in heads.reversed() {
            let p = head(outputs.input(of: head))
            let fromReaders = outputs.remove(head)?.gradient
            var gradient = fromReaders
            if weights.isActive(head.number) {
                let fromLoss = try accumulateGradient(of: p, y[head])
                if let fromReaders { fromLoss.add(fromReaders) }
                gradient = fromLoss
            }
            // None where head 1 has no weight and the others do not reach it.
            if p.requiresGradient, let gradient { try p.backward(gradient: gradient) }
            ready(head.parameters)
        }

        try z.backward(gradient: d.gradient)
    }
}
