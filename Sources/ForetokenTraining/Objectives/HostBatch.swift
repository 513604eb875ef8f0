import ForetokenModel
import ForetokenText

/// A micro-batch as arrays, checked: the tokens to read, and once for each head that has a loss its targets.
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
        let rows: [Int64]

        init(count: Int, width: Int, tokens: [Int64], probabilities: [Float]? = nil) {
            (self.count, self.width, self.tokens, self.probabilities) = (count, width, tokens, probabilities)
            rows = (0..<count).filter { tokens[$0 * width] != TokenBatch.ignored }.map(Int64.init)
        }
    }

    /// [B, T + j] and that shape.
    let tokens: [Int64], tokenShape: [Int]
    /// [B, T], and that shape.
    let documents: [Int32]?, shape: [Int]
    /// Of the heads that have a loss.
    let targets: [Int: Targets]

    /// How many targets of head i are not masked; 0 for a head that has no loss.
    func validTargets(head: Int) -> Int { targets[head]?.rows.count ?? 0 }

    /// The sizes of everything in it.
    var sizes: [Int] {
        tokenShape
            + targets.sorted { $0.key < $1.key }.flatMap {
                [$0.key, $0.value.width, $0.value.probabilities == nil ? 0 : 1]
            }
    }

    /// - Parameter headWeights: w_i of each head; all 1 if nil.
    init(_ batch: TokenBatch, for model: ModelConfiguration, headWeights: [Double]? = nil) throws(ObjectiveError) {
        let following = model.headGraph.joinedTokens
        let length = batch.sequenceLength + following
        tokens = batch.inputs(following: following)
        tokenShape = [batch.batchSize, length]
        if let wrong = tokens.firstIndex(where: { !(0..<Int64(model.vocabulary)).contains($0) }) {
            throw .inputOutsideVocabulary(
                sequence: wrong / length, position: wrong % length, token: tokens[wrong], vocabulary: model.vocabulary)
        }
        shape = [batch.batchSize, batch.sequenceLength]
        documents = model.documentMask ? batch.inputDocuments() : nil
        var targets: [Int: Targets] = [:]
        for head in 1...model.heads where headWeights?[head - 1] != 0 {
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
                head: head, sequence: wrong / width / batch.sequenceLength,
                position: wrong / width % batch.sequenceLength,
                token: tokens[wrong], vocabulary: vocabulary)
        }
        guard let soft = batch.softTargets.first(where: { $0.head == head }) else {
            try check(hard, width: 1)
            return Targets(count: hard.count, width: 1, tokens: hard)
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
                head: head, sequence: wrong / width / batch.sequenceLength,
                position: wrong / width % batch.sequenceLength,
                value: soft.probabilities[wrong])
        }
        return Targets(count: hard.count, width: width, tokens: tokens, probabilities: soft.probabilities)
    }
}
