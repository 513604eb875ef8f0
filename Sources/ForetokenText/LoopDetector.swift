/// A repetition at the end of a text.
public struct LoopReport: Sendable, Equatable {
    /// The length of the repeated unit in tokens.
    public let period: Int
    /// The length of the repetition in tokens.
    public let length: Int
}

/// Detects degenerate repetition. Greedy decoding of small models often loops, and loops inflate acceptance rates because their
/// tokens are easy to predict.
public enum LoopDetector {
    /// The repetition at the end of the tokens: the smallest period p for which at least the last max(3p, 48) tokens repeat.
    public static func loop(in tokens: [Int32]) -> LoopReport? {
        for period in 1...max(1, tokens.count / 3) where tokens.count > period {
            var length = period
            while length < tokens.count,
                tokens[tokens.count - 1 - length] == tokens[tokens.count - 1 - length + period]
            {
                length += 1
            }
            if length >= max(3 * period, 48) { return LoopReport(period: period, length: length) }
        }
        return nil
    }
}
