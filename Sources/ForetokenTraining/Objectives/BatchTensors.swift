import ForetokenModel
import ForetokenText
import Torch

/// What a head learns from at the N = B·T positions of a micro-batch.
struct HeadTargets {
    /// [N, k] int64; the first is ``TokenBatch/ignored`` at masked positions. k is 1 unless targets are soft.
    let tokens: Tensor
    /// [N, k]; nil for tokens that are certain.
    let probabilities: Tensor?
}

/// A micro-batch as tensors on the model's device.
struct BatchTensors {
    /// [B, T + j] int64: what the trunk reads, and the j tokens after it that heads join.
    let tokens: Tensor
    let context: SequenceContext
    private let batch: TokenBatch
    private let vocabulary: Int
    private let device: Device

    /// - Throws: ``ObjectiveError/inputOutsideVocabulary(sample:position:token:vocabulary:)``.
    init(_ batch: TokenBatch, for model: MultiTokenModel) throws(ObjectiveError) {
        self.batch = batch
        device = model.device
        vocabulary = model.configuration.vocabulary
        let following = model.configuration.headGraph.joinedTokens
        let length = batch.context + following
        let values = batch.inputs(following: following)
        if let wrong = values.firstIndex(where: { [vocabulary] in !(0..<Int64(vocabulary)).contains($0) }) {
            throw .inputOutsideVocabulary(
                sample: wrong / length, position: wrong % length, token: values[wrong], vocabulary: vocabulary)
        }
        tokens = Tensor(values, shape: [batch.batchSize, length]).to(device)
        let documents =
            model.configuration.documentMask
            ? Tensor(batch.inputDocuments(), shape: [batch.batchSize, batch.context]).to(device) : nil
        context = model.context(length: batch.context, documents: documents)
    }

    /// Token t + i, or head i's soft targets, for every position t.
    ///
    /// - Throws: ``ObjectiveError`` for what no loss can be computed of.
    func targets(head: Int) throws(ObjectiveError) -> HeadTargets {
        let hard = batch.targets(head: head)
        guard let soft = batch.softTargets.first(where: { $0.head == head }) else {
            try check(hard, head: head, count: 1)
            return HeadTargets(tokens: Tensor(hard, shape: [hard.count, 1]).to(device), probabilities: nil)
        }
        let count = soft.count
        guard soft.tokens.count == hard.count * count else {
            throw .misshapenSoftTargets(head: head, found: soft.tokens.count / count, expected: hard.count)
        }
        let tokens = soft.tokens.indices.map { index in
            hard[index / count] == TokenBatch.ignored ? TokenBatch.ignored : Int64(soft.tokens[index])
        }
        try check(tokens, head: head, count: count)
        if let wrong = soft.probabilities.firstIndex(where: { !($0.isFinite && $0 >= 0) }) {
            throw .impossibleProbability(
                head: head, sample: wrong / count / batch.context, position: wrong / count % batch.context,
                value: soft.probabilities[wrong])
        }
        let shape = [hard.count, count]
        return HeadTargets(
            tokens: Tensor(tokens, shape: shape).to(device),
            probabilities: Tensor(soft.probabilities, shape: shape).to(device))
    }

    private func check(_ tokens: [Int64], head: Int, count: Int) throws(ObjectiveError) {
        let known = 0..<Int64(vocabulary)
        let masks = batch.targets(head: head)
        guard
            let wrong = tokens.indices.first(where: {
                masks[$0 / count] != TokenBatch.ignored && !known.contains(tokens[$0])
            })
        else { return }
        throw .targetOutsideVocabulary(
            head: head, sample: wrong / count / batch.context, position: wrong / count % batch.context,
            token: tokens[wrong], vocabulary: vocabulary)
    }
}
