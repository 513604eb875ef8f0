import ForetokenPlatform

/// The attention projections that have biases.
public enum AttentionBias: String, Sendable, CaseIterable {
    /// None: Llama, Mistral, Qwen 3.
    case none
    /// Queries, keys and values: Qwen 2.
    case inputs
    /// Queries, keys, values and the output: Llama and Qwen 3 with `attention_bias`.
    case all
}

/// RoPE scaling of Llama 3.1 and later: low frequencies are divided by `factor`, high ones stay, and those between are
/// interpolated.
public struct RopeScaling: Sendable, Equatable {
    /// The extended context length ÷ the original one.
    public var factor: Double
    /// Frequencies with fewer rotations than this over the original context are low.
    public var lowFrequencyFactor: Double
    /// Frequencies with more rotations than this over the original context are high.
    public var highFrequencyFactor: Double
    /// The original context length, in tokens.
    public var originalContext: Int

    /// Creates a scaling; Llama 3.1's is 8, 1, 4, 8192.
    public init(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int) {
        self.factor = factor
        self.lowFrequencyFactor = lowFrequencyFactor
        self.highFrequencyFactor = highFrequencyFactor
        self.originalContext = originalContext
    }

    /// The scaled frequency.
    func scaled(_ frequency: Double) -> Double {
        frequency / divisor(of: frequency)
    }

    /// The divisor of a frequency: 1 for high frequencies, ``factor`` for low ones.
    func divisor(of frequency: Double) -> Double {
        let rotations = Double(originalContext) * frequency / (2 * .pi)
        if rotations < lowFrequencyFactor { return factor }
        if rotations > highFrequencyFactor { return 1 }
        let weight = (rotations - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
        return 1 / ((1 - weight) / factor + weight)
    }

    func validate() throws(ModelError) {
        guard factor >= 1, factor.isFinite, lowFrequencyFactor > 0, highFrequencyFactor > lowFrequencyFactor,
            highFrequencyFactor.isFinite, originalContext > 0
        else {
            throw .impossible(
                "the RoPE scaling (factor \(factor), frequency factors \(lowFrequencyFactor) and \(highFrequencyFactor), "
                    + "original context \(originalContext)) needs a factor of 1 or more and positive, increasing "
                    + "frequency factors")
        }
    }
}
