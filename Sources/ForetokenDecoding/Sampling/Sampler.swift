internal import CKernels

/// Chooses tokens: a pure function of (logits, history, seed, position).
///
/// Noise is keyed by seed and position (Gumbel-max sampling), so that the token at a position is the same whether it was
/// verified alone or in a block, and drafts drawn with the same noise often equal it. Logits are adjusted in this order:
/// bias, penalties, temperature, ``minP``, ``topK``, ``topP``.
public struct Sampler: Sendable, Equatable {
    /// Sampling temperature; 0 is greedy.
    public var temperature: Double
    /// Seed of the noise.
    public var seed: UInt64
    /// Sample from the k most likely tokens (0: no limit).
    public var topK = 0
    /// Sample from the smallest set of most likely tokens whose probabilities sum to at least this (1: no limit).
    public var topP = 1.0
    /// Sample from tokens at least this fraction as likely as the most likely one (0: no limit).
    public var minP = 0.0
    /// Divides the positive and multiplies the negative logits of tokens in the prompt or the generated text
    /// (arXiv 1909.05858); 1 disables it.
    public var repetitionPenalty = 1.0
    /// Subtracted from a token's logit once per occurrence in the generated text.
    public var frequencyPenalty = 0.0
    /// Subtracted from the logit of every token in the generated text.
    public var presencePenalty = 0.0
    /// Added to the logits of tokens.
    public var logitBias: [Int32: Double] = [:]

    /// Creates a sampler; greedy by default.
    public init(temperature: Double = 0, seed: UInt64 = 0) {
        self.temperature = temperature
        self.seed = seed
    }

    var readsHistory: Bool { repetitionPenalty != 1 || frequencyPenalty != 0 || presencePenalty != 0 }
    private var adjusts: Bool { readsHistory || !logitBias.isEmpty }
    private var filters: Bool { temperature > 0 && (topK > 0 || topP < 1 || minP > 0) }

    /// Chooses the token at `position`; nil if a logit is NaN.
    ///
    /// - Parameters:
    ///   - logits: [V]; not changed.
    ///   - history: the tokens before the position.
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func token(
        _ logits: UnsafePointer<Float>, count: Int, position: Int, history: TokenHistory, scratch: FloatBuffer
    ) throws(DecodingError) -> Int32? {
        guard adjusts || filters else { return choose(logits, count: count, position: position) }
        let adjusted = scratch.reserve(count)
        adjusted.update(from: logits, count: count)
        adjust(adjusted, count: count, history)
        if filters {
            let remaining = ck_filter(adjusted, Int64(count), temperature, Int64(topK), topP, minP)
            if remaining < -1 { throw .outOfMemory(count * MemoryLayout<Int>.stride) }
            if remaining < 0 { return nil }
        }
        return choose(adjusted, count: count, position: position)
    }

    private func choose(_ logits: UnsafePointer<Float>, count: Int, position: Int) -> Int32? {
        let token =
            temperature > 0
            ? ck_gumbel_argmax(logits, Int64(count), temperature, seed, UInt64(position))
            : ck_argmax(logits, Int64(count))
        return token < 0 ? nil : Int32(token)
    }

    private func adjust(_ logits: UnsafeMutablePointer<Float>, count: Int, _ history: TokenHistory) {
        for (token, bias) in logitBias { logits[Int(token)] += Float(bias) }
        guard readsHistory else { return }
        if repetitionPenalty != 1 {
            let penalty = Float(repetitionPenalty)
            func weaken(_ token: Int32) {
                logits[Int(token)] *= logits[Int(token)] > 0 ? 1 / penalty : penalty
            }
            history.prompt.forEach(weaken)
            for token in history.generated.keys where !history.prompt.contains(token) { weaken(token) }
        }
        for (token, times) in history.generated {
            logits[Int(token)] -= Float(presencePenalty + frequencyPenalty * Double(times))
        }
    }

    /// Chooses the token at `position` from logits [V]; nil if one is NaN.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    public func token(
        _ logits: [Float], position: Int, history: TokenHistory = TokenHistory()
    ) throws(DecodingError) -> Int32? {
        try logits.withUnsafeBufferPointer { buffer throws(DecodingError) -> Int32? in
            guard let logits = buffer.baseAddress else { return nil }
            return try token(
                logits, count: buffer.count, position: position, history: history, scratch: FloatBuffer())
        }
    }

    /// Validates the settings.
    package func validate(vocabulary: Int) throws(DecodingError) {
        func check(_ name: String, _ value: Double, _ isGood: Bool, _ rule: String) throws(DecodingError) {
            guard value.isFinite, isGood else { throw .invalid("\(name) \(value): must be \(rule)") }
        }
        try check("temperature", temperature, temperature >= 0, "0 (greedy) or above")
        try check("top-k", Double(topK), topK >= 0, "0 (all) or above")
        try check("top-p", topP, topP > 0 && topP <= 1, "above 0 and at most 1")
        try check("min-p", minP, minP >= 0 && minP <= 1, "between 0 and 1")
        let penalty = Float(repetitionPenalty)
        try check(
            "repetition penalty", repetitionPenalty, penalty > 0 && penalty.isFinite && (1 / penalty).isFinite,
            "above 0 and within the range of float32, as its inverse")
        // Logits are float32: larger values would make them infinite, and NaN where two infinities cancel.
        let range = "between -1e30 and 1e30"
        try check("frequency penalty", frequencyPenalty, abs(frequencyPenalty) <= 1e30, range)
        try check("presence penalty", presencePenalty, abs(presencePenalty) <= 1e30, range)
        for (token, bias) in logitBias {
            guard token >= 0, Int(token) < vocabulary else {
                throw .tokenOutOfRange(token: token, vocabulary: vocabulary)
            }
            try check("bias of token \(token)", bias, abs(bias) <= 1e30, range)
        }
    }
}
