import ForetokenFormats
public import ForetokenModel
import Torch

/// The first weights of heads that a checkpoint does not have.
public enum NewHeads: String, Sendable, CaseIterable {
    /// As copies of head 1: at first they repeat the next token.
    case copied
    /// With random weights.
    case fresh
}

extension MultiTokenModel {
    /// A model whose configuration is `ModelConfiguration.adapted(heads:headKind:unembedding:)` from a checkpoint's,
    /// with its weights: next-token decoding gives the same logits.
    ///
    /// - Parameters:
    ///   - base: the checkpoint. Heads that it and the new model both have are kept if they are of the same kind.
    ///   - configuration: of the new model.
    ///   - newHeads: the first weights of the other heads.
    ///   - seed: of fresh weights.
    /// - Throws: `ModelError.impossible(_:)`, `TorchError.outOfMemory`.
    public convenience init(
        _ configuration: ModelConfiguration, adapting base: MultiTokenModel, newHeads: NewHeads, seed: UInt64
    ) throws {
        try self.init(configuration, seed: seed, dtype: base.dtype, device: base.device)
        let kept = keptHeads(of: base)
        let known = Dictionary(uniqueKeysWithValues: base.parameters.map { ($0.name, $0.tensor) })
        for parameter in parameters {
            if case .head(let head) = parameter.group, head > max(1, kept) { continue }
            if let tensor = known[parameter.name] { parameter.tensor.assign(tensor) }
        }
        for head in heads {
            let number = head.node.head
            let isNew = number > kept
            if isNew, number > 1, newHeads == .copied { try copyHeadOne(of: base, to: head) }
            // The base model's last block is in the trunk now, so head 1 starts as the identity.
            if number == 1, case .linear(let map) = head.body, case .block = base.heads[0].body {
                map.tensor.assign(try .identity(map.tensor.shape[0]))
            }
            if isNew, number > 1, head.ownsNorm, newHeads == .copied { head.norm.tensor.assign(base.norm.tensor) }
            if number > 1, configuration.unembedding == .replicated, newHeads == .copied || !isNew {
                let source = isNew ? base.unembedding : base.heads[number - 1].unembedding
                head.unembedding.tensor.assign(source.tensor)
            }
        }
    }

    /// How many heads are taken over from a checkpoint, from head 1 on.
    public func keptHeads(of base: MultiTokenModel) -> Int {
        configuration.headKind == base.configuration.headKind ? min(heads.count, base.heads.count) : 1
    }

    private func copyHeadOne(of base: MultiTokenModel, to head: PredictionHead) throws {
        switch (head.body, base.heads[0].body) {
        case (.block(let to), .block(let from)):
            for (to, from) in zip(to.parameters, from.parameters) { to.tensor.assign(from.tensor) }
        case (.linear(let to), .linear(let from)): to.tensor.assign(from.tensor)
        case (.linear(let to), .block): to.tensor.assign(try .identity(to.tensor.shape[0]))
        case (.block, .linear): break
        }
        // The hidden states pass unchanged; the embedding's columns start at 0 and are learnt.
        if let projection = head.join?.projection.tensor {
            let width = projection.shape[0]
            projection.assign(.concatenating([try .identity(width), try .zeros([width, width])], axis: 1))
        }
    }
}

extension Tensor {
    /// The identity matrix [size, size].
    fileprivate static func identity(_ size: Int) throws -> Tensor {
        let index = Tensor.range(size)
        return index.reshaped(size, 1).equals(index.reshaped(1, size)).to(.float32)
    }
}
