/// Probabilities to learn from instead of single tokens, as in distillation: at every position the k likeliest tokens of a
/// teacher. They take the place of a head's targets wherever those are not masked.
public struct SoftTargets: Sendable, Equatable {
    /// The head they are for.
    public let head: Int
    /// k, tokens at each position.
    public let count: Int
    /// [B, T, k], row-major.
    public let tokens: [Int32]
    /// [B, T, k]: the weight of each token's −log p; they need not sum to 1.
    public let probabilities: [Float]

    /// Soft targets of one head.
    public init(head: Int, count: Int, tokens: [Int32], probabilities: [Float]) {
        precondition(count > 0 && tokens.count == probabilities.count && tokens.count.isMultiple(of: count))
        self.head = head
        self.count = count
        self.tokens = tokens
        self.probabilities = probabilities
    }
}

/// B samples of T positions and the n tokens after them.
public struct TokenBatch: Sendable, Equatable {
    /// The target that losses skip.
    public static let ignored: Int64 = -100

    /// B.
    public let batchSize: Int
    /// T.
    public let context: Int
    /// n.
    public let heads: Int
    /// [B, T + n], row-major.
    public var tokens: [Int32]
    /// The document of each token [B, T + n]; -1 beyond the text.
    public var documents: [Int32]
    /// Whether a token may be a target [B, T + n].
    public var lossMask: [Bool]
    /// At most one for each head; heads without learn from the tokens.
    public var softTargets: [SoftTargets] = []

    /// A batch of given tokens, all of which may be targets.
    public init(batchSize: Int, context: Int, heads: Int, tokens: [Int32], documents: [Int32]) {
        precondition(tokens.count == batchSize * (context + heads) && documents.count == tokens.count)
        self.batchSize = batchSize
        self.context = context
        self.heads = heads
        self.tokens = tokens
        self.documents = documents
        lossMask = documents.map { $0 >= 0 }
    }

    /// The tokens the trunk reads [B·T], or those and the `following` ones after each sample [B·(T + following)].
    public func inputs(following: Int = 0) -> [Int64] { positions(following: following) { Int64(tokens[$0]) } }

    /// Their documents [B·T].
    public func inputDocuments() -> [Int32] { positions { documents[$0] } }

    /// The targets of head i, from 1 [B·T]: token t + i, or ``ignored`` where the mask says so or where it lies in another
    /// document than token t.
    public func targets(head: Int) -> [Int64] {
        precondition((1...heads).contains(head))
        return positions { position in
            let target = position + head
            let valid =
                lossMask[target] && documents[position] >= 0 && documents[target] == documents[position]
            return valid ? Int64(tokens[target]) : Self.ignored
        }
    }

    /// How many targets of head i are not ignored.
    public func validTargets(head: Int) -> Int { targets(head: head).count { $0 != Self.ignored } }

    private func positions<Value>(following: Int = 0, _ value: (Int) -> Value) -> [Value] {
        precondition((0...heads).contains(following))
        var result: [Value] = []
        result.reserveCapacity(batchSize * (context + following))
        for row in 0..<batchSize {
            for time in 0..<(context + following) { result.append(value(row * (context + heads) + time)) }
        }
        return result
    }
}
