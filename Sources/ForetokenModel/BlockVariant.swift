import ForetokenPlatform

/// Which projections of attention have biases.
public enum AttentionBias: String, Sendable, CaseIterable {
    /// None: Llama, Mistral, Qwen 3.
    case none
    /// Queries, keys and values: Qwen 2.
    case inputs
    /// Those and the output: Llama and Qwen 3 with `attention_bias`.
    case all
}

/// The rotary embedding of Llama 3.1 and later: slow angles turn `factor` times slower, fast ones as before, and those
/// between are blended.
public struct RopeScaling: Sendable, Equatable {
    /// How much longer the context is than it was first.
    public var factor: Double
    /// Angles that turn less often than this within the first context are slow.
    public var lowFrequencyFactor: Double
    /// Angles that turn more often than this within the first context are fast.
    public var highFrequencyFactor: Double
    /// The first context, in tokens.
    public var originalContext: Int

    /// A scaling; Llama 3.1's is 8, 1, 4, 8192.
    public init(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int) {
        self.factor = factor
        self.lowFrequencyFactor = lowFrequencyFactor
        self.highFrequencyFactor = highFrequencyFactor
        self.originalContext = originalContext
    }

    /// What an angle's step from one position to the next becomes.
    func scaled(_ frequency: Double) -> Double {
        frequency / divisor(of: frequency)
    }

    /// What an angle's step is divided by: 1 for fast angles, ``factor`` for slow ones.
    func divisor(of frequency: Double) -> Double {
        let turns = Double(originalContext) * frequency / (2 * .pi)
        if turns < lowFrequencyFactor { return factor }
        if turns > highFrequencyFactor { return 1 }
        let blend = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
        return 1 / ((1 - blend) / factor + blend)
    }

    func validate() throws(ModelError) {
        guard factor >= 1, factor.isFinite, lowFrequencyFactor > 0, highFrequencyFactor > lowFrequencyFactor,
            highFrequencyFactor.isFinite, originalContext > 0
        else {
            throw .impossible(
                "the rotary scaling (factor \(factor), \(lowFrequencyFactor) to \(highFrequencyFactor) turns in "
                    + "\(originalContext) tokens) needs a factor of 1 or more and rising, positive frequency factors")
        }
    }
}
