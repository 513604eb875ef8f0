/// Soft targets for distillation: the k most likely tokens of a teacher at every position, with their probabilities. They replace
/// a head's targets at positions that are not masked.
public struct SoftTargets: Sendable, Equatable {
    /// The prediction head.
    public let head: Int
    /// k, the number of tokens per position.
    public let count: Int
    /// [B, T, k], row-major.
    public let tokens: [Int32]
    /// [B, T, k]: the weight of each token's −log p; need not sum to 1.
    public let probabilities: [Float]

    /// Creates the soft targets of one head.
    public init(head: Int, count: Int, tokens: [Int32], probabilities: [Float]) {
        precondition(count > 0 && tokens.count == probabilities.count && tokens.count.isMultiple(of: count))
        self.head = head
        self.count = count
        self.tokens = tokens
        self.probabilities = probabilities
    }
}

/// A batch of B sequences of T positions, each followed by n more tokens as targets.
public struct TokenBatch: Sendable, Equatable {
    /// The target value that losses ignore.
    public static let ignored: Int64 = -100

    /// B, the number of sequences.
    public let batchSize: Int
    /// T, the sequence length.
    public let sequenceLength: Int
    /// n, the number of prediction heads.
    public let heads: Int
    /// [B, T + n], row-major.
    public var tokens: [Int32]
    /// The document number of each token [B, T + n]; -1 beyond the end of the data.
    public var documents: [Int32]
    /// Whether a token can be a target [B, T + n].
    public var lossMask: [Bool]
    /// At most one per head; other heads use the tokens as targets.
    public var softTargets: [SoftTargets] = []

    /// Creates a batch in which all tokens of a document can be targets.
    public init(batchSize: Int, sequenceLength: Int, heads: Int, tokens: [Int32], documents: [Int32]) {
        precondition(tokens.count == batchSize * (sequenceLength + heads) && documents.count == tokens.count)
        self.batchSize = batchSize
        self.sequenceLength = sequenceLength
        self.heads = heads
        self.tokens = tokens
        self.documents = documents
        lossMask = documents.map { $0 >= 0 }
    }

    /// The trunk's input tokens [B·T], with `following` more tokens after each sequence: [B·(T + following)].
    public func inputs(following: Int = 0) -> [Int64] { positions(following: following) { Int64(tokens[$0]) } }

    /// The document numbers of the input tokens [B·T].
    public func inputDocuments() -> [Int32] { positions { documents[$0] } }

    /// The targets of head i, from 1 [B·T]: token t + i, or ``ignored`` if that is masked or belongs to another document than
    /// token t.
    public func targets(head: Int) -> [Int64] {
        precondition((1...heads).contains(head))
        return positions { position in
            let target = position + head
            let valid =
                lossMask[target] && documents[position] >= 0 && documents[target] == documents[position]
            return valid ? Int64(tokens[target]) : Self.ignored
        }
    }

    /// The number of targets of head i that are not ignored.
    public func validTargets(head: Int) -> Int { targets(head: head).count { $0 != Self.ignored } }

    private func positions<Value>(following: Int = 0, _ value: (Int) -> Value) -> [Value] {
        precondition((0...heads).contains(following))
        var result: [Value] = []
        result.reserveCapacity(batchSize * (sequenceLength + following))
        for row in 0..<batchSize {
            for time in 0..<(sequenceLength + following) { result.append(value(row * (sequenceLength + heads) + time)) }
        }
        return result
    }
}
