internal import CTorch

/// The choice of a token: a pure function of (logits, seed, position).
///
/// Noise is keyed by seed and position (Gumbel-max sampling), so that the token at a position is the same whether it was
/// verified alone or in a block, and drafts drawn with the same noise often equal it.
public struct Sampler: Sendable, Equatable {
    /// 0 is greedy.
    public var temperature: Double
    /// Decides the noise.
    public var seed: UInt64

    /// Greedy without arguments.
    public init(temperature: Double = 0, seed: UInt64 = 0) {
        self.temperature = temperature
        self.seed = seed
    }

    /// The token that comes to stand at `position`; nil if a logit is NaN.
    func token(_ logits: UnsafePointer<Float>, count: Int, position: Int) -> Int32? {
        let token =
            temperature > 0
            ? ct_k_gumbel_argmax(logits, Int64(count), temperature, seed, UInt64(position))
            : ct_k_argmax(logits, Int64(count))
        return token < 0 ? nil : Int32(token)
    }

    /// As ``token(_:count:position:)``, for an array; for tests and callers with logits of their own.
    public func token(_ logits: [Float], position: Int) -> Int32? {
        logits.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.flatMap { token($0, count: buffer.count, position: position) }
        }
    }
}
