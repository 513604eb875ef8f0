/// A text that repeats itself to its end.
public struct LoopReport: Sendable, Equatable {
    /// Tokens until it repeats.
    public let period: Int
    /// Tokens at the end that repeat with this period.
    public let length: Int
}

/// Finds texts that got stuck. Greedy decoding of small models often loops, and a loop flatters acceptance: every draft of
/// it is easy.
public enum LoopDetector {
    /// The loop at the end of the tokens: the smallest period p with which at least the last max(3p, 48) tokens repeat.
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
