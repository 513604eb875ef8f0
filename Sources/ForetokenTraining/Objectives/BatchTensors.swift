import ForetokenFormats
import ForetokenModel
public import ForetokenText
import Torch

/// A micro-batch as tensors on the model's device: what the trunk reads and what the heads learn from.
///
/// To a GPU they are copied from pinned memory, asynchronously.
public struct BatchTensors {
    /// [B, T + j] int64: what the trunk reads, and the j tokens after it that heads join.
    let tokens: Tensor
    /// The document of each position [B, T], int32; nil if attention may cross documents.
    let documents: Tensor?
    /// What each head's losses are multiplied by, float64 [n]; nil: 1.
    private let lossFactors: Tensor?
    private let dtype: DType
    /// Of the heads that were asked for.
    private let targets: [Int: TargetTensors]

    /// - Parameters:
    ///   - batch: the micro-batch.
    ///   - model: reads it.
    ///   - headWeights: w_i of each head; those of weight 0 need no targets. All 1 if nil.
    /// - Throws: ``ObjectiveError`` for what no loss can be computed of.
    public init(_ batch: TokenBatch, for model: MultiTokenModel, headWeights: [Double]? = nil) throws(ObjectiveError) {
        self.init(try HostBatch(batch, for: model.configuration, headWeights: headWeights), for: model)
    }

    /// - Parameter lossFactors: what each head's losses are multiplied by, float64 [n]. Masked positions are then
    ///   computed with the others, so that the shapes of two batches are the same.
    init(_ host: HostBatch, for model: MultiTokenModel, lossFactors: Tensor? = nil) {
        let device = model.device
        self.lossFactors = lossFactors
        dtype = model.dtype
        tokens = .uploading(host.tokens, shape: host.tokenShape, to: device)
        documents = host.documents.map { .uploading($0, shape: host.shape, to: device) }
        targets = host.targets.mapValues { target in
            TargetTensors(
                tokens: .uploading(target.tokens, shape: [target.count, target.width], to: device),
                probabilities: target.probabilities.map {
                    .uploading($0, shape: [target.count, target.width], to: device)
                },
                rows: lossFactors != nil || target.rows.count == target.count
                    ? nil : .uploading(target.rows, shape: [target.rows.count], to: device))
        }
    }

    /// The data's targets of head i: token t + i, or its soft targets, for every position t.
    func targets(head: Int) -> TargetTensors {
        guard let found = targets[head] else { preconditionFailure("head \(head)'s targets were not asked for") }
        return found
    }

    /// What head i's losses are multiplied by, a scalar of the weights' type; nil: 1.
    func lossFactor(head: Int) -> Tensor? {
        lossFactors?.narrowed(axis: 0, from: head - 1, count: 1).sum().to(dtype)
    }

    /// Replaces the numbers by those of another batch of the same shapes.
    func upload(_ host: HostBatch) {
        tokens.upload(host.tokens)
        if let documents, let values = host.documents { documents.upload(values) }
        for (head, target) in host.targets {
            targets[head]?.tokens.upload(target.tokens)
            if let values = target.probabilities { targets[head]?.probabilities?.upload(values) }
        }
    }
}
