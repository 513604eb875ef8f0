import ForetokenFormats
import ForetokenModel
public import ForetokenText
import Torch

/// What a head learns from at the N = B·T positions of a micro-batch.
struct HeadTargets {
    /// [N, k] int64; the first is ``TokenBatch/ignored`` at masked positions. k is 1 unless targets are soft.
    let tokens: Tensor
    /// [N, k]; nil for tokens that are certain.
    let probabilities: Tensor?
    /// The ascending indices of the positions that are not masked, int64; nil if none is, or if it is not known.
    let rows: Tensor?

    /// The same with every probability multiplied by a scalar.
    func scaled(by factor: Tensor) -> HeadTargets {
        // 1 for tokens that are certain; int64 · 0 is 0 whatever stands at masked positions.
        let certain = (tokens * 0 + 1).to(factor.dtype)
        return HeadTargets(tokens: tokens, probabilities: (probabilities ?? certain) * factor, rows: rows)
    }
}

/// A micro-batch as tensors on the model's device: what the trunk reads and what the heads learn from.
///
/// To a GPU they are copied from pinned memory, asynchronously.
public struct BatchTensors {
    /// [B, T + j] int64: what the trunk reads, and the j tokens after it that heads join.
    let tokens: Tensor
    /// The document of each position [B, T], int32; nil if attention may cross documents.
    let documents: Tensor?
    /// What each head's losses are multiplied by, float64 [n]; nil: 1.
    private let factors: Tensor?
    /// Of the heads that were asked for.
    private let targets: [Int: HeadTargets]

    /// - Parameters:
    ///   - batch: the micro-batch.
    ///   - model: reads it.
    ///   - heads: those whose targets are needed; all if nil.
    /// - Throws: ``ObjectiveError`` for what no loss can be computed of.
    public init(_ batch: TokenBatch, for model: MultiTokenModel, heads: [Int]? = nil) throws(ObjectiveError) {
        self.init(try HostBatch(batch, for: model.configuration, heads: heads), on: model.device, factors: nil)
    }

    /// - Parameter factors: what each head's losses are multiplied by, float64 [n]. Masked positions are then computed with
    ///   the others, so that the shapes of two batches are the same.
    init(_ host: HostBatch, on device: Device, factors: Tensor?) {
        self.factors = factors
        tokens = .uploading(host.tokens, shape: host.tokenShape, to: device)
        documents = host.documents.map { .uploading($0, shape: host.shape, to: device) }
        targets = host.targets.mapValues { target in
            let rows = target.rows
            return HeadTargets(
                tokens: .uploading(target.tokens, shape: [target.count, target.width], to: device),
                probabilities: target.probabilities.map {
                    .uploading($0, shape: [target.count, target.width], to: device)
                },
                rows: factors != nil || rows.count == target.count
                    ? nil : .uploading(rows, shape: [rows.count], to: device))
        }
    }

    /// Token t + i, or head i's soft targets, for every position t.
    func targets(head: Int) -> HeadTargets {
        guard let found = targets[head] else { preconditionFailure("head \(head)'s targets were not asked for") }
        return found
    }

    /// Head i's targets with the batch's factor of their losses: `targets`, or those of the batch itself.
    func weighted(_ targets: HeadTargets, head: Int, in dtype: DType) -> HeadTargets {
        guard let factors else { return targets }
        return targets.scaled(by: factors.narrowed(axis: 0, from: head - 1, count: 1).sum().to(dtype))
    }

    /// Puts another batch of the same shapes in the place of this one.
    func upload(_ host: HostBatch) {
        tokens.upload(host.tokens)
        if let documents, let values = host.documents { documents.upload(values) }
        for (head, target) in host.targets {
            targets[head]?.tokens.upload(target.tokens)
            if let values = target.probabilities { targets[head]?.probabilities?.upload(values) }
        }
    }
}

/// A micro-batch as arrays, checked.
struct HostBatch {
    /// One head's targets at N positions.
    struct Targets {
        /// N and k.
        let count, width: Int
        /// [N, k].
        let tokens: [Int64]
        /// [N, k]; nil for tokens that are certain.
        let probabilities: [Float]?

        /// The positions that are not masked.
        var rows: [Int64] {
            (0..<count).filter { tokens[$0 * width] != TokenBatch.ignored }.map(Int64.init)
        }
    }

    /// [B, T + j] and that shape.
    let tokens: [Int64], tokenShape: [Int]
    /// [B, T], and that shape.
    let documents: [Int32]?, shape: [Int]
    let targets: [Int: Targets]

    /// The sizes of everything in it.
    var sizes: [Int] {
        tokenShape
            + targets.sorted { $0.key < $1.key }.flatMap {
                [$0.key, $0.value.width, $0.value.probabilities == nil ? 0 : 1]
            }
    }

    init(_ batch: TokenBatch, for model: ModelConfiguration, heads: [Int]?) throws(ObjectiveError) {
        let following = model.headGraph.joinedTokens
        let length = batch.context + following
        tokens = batch.inputs(following: following)
        tokenShape = [batch.batchSize, length]
        if let wrong = tokens.firstIndex(where: { !(0..<Int64(model.vocabulary)).contains($0) }) {
            throw .inputOutsideVocabulary(
                sample: wrong / length, position: wrong % length, token: tokens[wrong], vocabulary: model.vocabulary)
        }
        shape = [batch.batchSize, batch.context]
        documents = model.documentMask ? batch.inputDocuments() : nil
        var targets: [Int: Targets] = [:]
        for head in heads ?? Array(1...model.heads) {
            targets[head] = try Self.targets(of: batch, head: head, vocabulary: model.vocabulary)
        }
        self.targets = targets
    }

    private static func targets(of batch: TokenBatch, head: Int, vocabulary: Int) throws(ObjectiveError) -> Targets {
        let hard = batch.targets(head: head)
        func check(_ tokens: [Int64], width: Int) throws(ObjectiveError) {
            let known = 0..<Int64(vocabulary)
            let wrong = tokens.indices.first { hard[$0 / width] != TokenBatch.ignored && !known.contains(tokens[$0]) }
            guard let wrong else { return }
            throw .targetOutsideVocabulary(
                head: head, sample: wrong / width / batch.context, position: wrong / width % batch.context,
                token: tokens[wrong], vocabulary: vocabulary)
        }
        guard let soft = batch.softTargets.first(where: { $0.head == head }) else {
            try check(hard, width: 1)
            return Targets(count: hard.count, width: 1, tokens: hard, probabilities: nil)
        }
        let width = soft.count
        guard soft.tokens.count == hard.count * width else {
            throw .misshapenSoftTargets(head: head, found: soft.tokens.count / width, expected: hard.count)
        }
        let tokens = soft.tokens.indices.map { index in
            hard[index / width] == TokenBatch.ignored ? TokenBatch.ignored : Int64(soft.tokens[index])
        }
        try check(tokens, width: width)
        if let wrong = soft.probabilities.firstIndex(where: { !($0.isFinite && $0 >= 0) }) {
            throw .impossibleProbability(
                head: head, sample: wrong / width / batch.context, position: wrong / width % batch.context,
                value: soft.probabilities[wrong])
        }
        return Targets(count: hard.count, width: width, tokens: tokens, probabilities: soft.probabilities)
    }
}
