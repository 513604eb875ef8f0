import ForetokenPlatform

/// A change of the rotary embedding's frequencies for contexts longer than a model was first trained on, as transformers
/// (`modeling_rope_utils.py`) computes it.
public enum RopeScaling: Sendable, Equatable {
    /// Llama 3.1 and later: low frequencies are divided by `factor`, high ones stay, and those between are interpolated.
    case llama3(Llama3)
    /// All frequencies are divided by `factor`.
    case linear(factor: Double)
    /// Within the original context, no change. Beyond it the frequencies would depend on the length of the text, so that keys
    /// already in the cache would be wrong: a ``ModelConfiguration`` with it ends where the original context does.
    case dynamic(factor: Double, originalContext: Int)
    /// YaRN (arXiv 2309.00071).
    case yarn(Yarn)

    /// Llama 3.1's parameters.
    public struct Llama3: Sendable, Equatable {
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

        fileprivate func divisor(of frequency: Double) -> Double {
            let rotations = Double(originalContext) * frequency / (2 * .pi)
            if rotations < lowFrequencyFactor { return factor }
            if rotations > highFrequencyFactor { return 1 }
            let weight = (rotations - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
            return 1 / ((1 - weight) / factor + weight)
        }
    }

    /// YaRN's parameters.
    public struct Yarn: Sendable, Equatable {
        /// The extended context length ÷ the original one.
        public var factor: Double
        /// The original context length, in tokens.
        public var originalContext: Int
        /// Frequencies with more rotations than this over the original context stay.
        public var betaFast: Double
        /// Frequencies with fewer rotations than this are divided by ``factor``.
        public var betaSlow: Double
        /// Multiplies queries and keys; nil for 1 + 0.1 · ln(factor).
        public var attentionFactor: Double?
        /// Whether the bounds between the frequencies are rounded to whole indices.
        public var roundsBounds: Bool

        /// Creates a scaling, by default with the constants of the paper.
        public init(
            factor: Double, originalContext: Int, betaFast: Double = 32, betaSlow: Double = 1,
            attentionFactor: Double? = nil, roundsBounds: Bool = true
        ) {
            self.factor = factor
            self.originalContext = originalContext
            self.betaFast = betaFast
            self.betaSlow = betaSlow
            self.attentionFactor = attentionFactor
            self.roundsBounds = roundsBounds
        }

        /// The share of the unscaled frequency at each index below d/2: 1 for high frequencies, 0 for low ones.
        fileprivate func shares(base: Double, dimension: Int) -> [Double] {
            func index(rotations: Double) -> Double {
                Double(dimension) * log(Double(originalContext) / (rotations * 2 * .pi)) / (2 * log(base))
            }
            var (low, high) = (index(rotations: betaFast), index(rotations: betaSlow))
            if roundsBounds { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            (low, high) = (max(low, 0), min(high, Double(dimension - 1)))
            if low == high { high += 0.001 }
            return (0..<(dimension / 2)).map { 1 - min(1, max(0, (Double($0) - low) / (high - low))) }
        }
    }

    /// What cosines and sines are multiplied by, and with it queries and keys.
    public var attentionFactor: Double {
        guard case .yarn(let yarn) = self else { return 1 }
        return yarn.attentionFactor ?? (yarn.factor <= 1 ? 1 : 0.1 * log(yarn.factor) + 1)
    }

    /// The divisors of the frequencies at the indices below d/2.
    func divisors(of frequencies: [Double], base: Double) -> [Double] {
        switch self {
        case .llama3(let llama3): frequencies.map(llama3.divisor)
        case .linear(let factor): frequencies.map { _ in factor }
        case .dynamic: frequencies.map { _ in 1 }
        case .yarn(let yarn):
            yarn.shares(base: base, dimension: 2 * frequencies.count).map { 1 / ((1 - $0) / yarn.factor + $0) }
        }
    }

    func validate(context: Int) throws(ModelError) {
        func check(_ isPossible: Bool, _ needed: String) throws(ModelError) {
            if !isPossible { throw .impossible("the RoPE scaling \(self) needs \(needed)") }
        }
        func isFactor(_ factor: Double) -> Bool { factor >= 1 && factor.isFinite }
        switch self {
        case .llama3(let llama3):
            try check(
                isFactor(llama3.factor) && llama3.lowFrequencyFactor > 0
                    && llama3.highFrequencyFactor > llama3.lowFrequencyFactor && llama3.highFrequencyFactor.isFinite
                    && llama3.originalContext > 0,
                "a factor of 1 or more, positive, increasing frequency factors and a positive original context")
        case .linear(let factor): try check(isFactor(factor), "a factor of 1 or more")
        case .dynamic(let factor, let original):
            try check(isFactor(factor) && original > 0, "a factor of 1 or more and a positive original context")
            try check(context <= original, "a context of at most the original one, \(original) tokens, not \(context)")
        case .yarn(let yarn):
            let attention = yarn.attentionFactor ?? 1
            try check(
                isFactor(yarn.factor) && yarn.originalContext > 0 && yarn.betaSlow > 0 && yarn.betaFast >= yarn.betaSlow
                    && yarn.betaFast.isFinite && attention > 0 && attention.isFinite,
                "a factor of 1 or more, a positive original context, 0 < beta_slow ≤ beta_fast and a positive attention factor"
            )
        }
    }
}
