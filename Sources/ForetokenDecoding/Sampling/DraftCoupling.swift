public import ForetokenModel

/// The probability that a draft drawn from one distribution is accepted for another.
public enum DraftCoupling {
    /// With both tokens drawn with the same Gumbel noise, as the decoder does: Σ_x 1 / Σ_y max(p_y / p_x, q_y / q_x)
    /// (arXiv 2408.07978, section 3).
    public static func keyedNoise(_ p: [Double], _ q: [Double]) -> Double {
        // Σ_y max(…) is p's mass, over p_x, of the tokens whose p/q is at least x's, and q's mass, over q_x, of the rest.
        let order = p.indices.filter { p[$0] > 0 && q[$0] > 0 }.sorted { p[$0] * q[$1] > p[$1] * q[$0] }
        var above = p.indices.reduce(0.0) { q[$1] > 0 ? $0 : $0 + p[$1] }
        var below = 1.0
        return order.reduce(0.0) { sum, x in
            above += p[x]
            below -= q[x]
            return sum + 1 / (above / p[x] + max(0, below) / q[x])
        }
    }

    /// The upper bound for any rule that preserves p: Σ_x min(p_x, q_x), reached by rejection sampling with min(1, p/q)
    /// (arXiv 2211.17192).
    public static func rejection(_ p: [Double], _ q: [Double]) -> Double {
        zip(p, q).reduce(0) { $0 + min($1.0, $1.1) }
    }
}

/// The expected acceptance of sampled drafts on given texts under both rules, computed exactly from the distributions: head
/// i's at each position against head 1's i − 1 tokens later.
public struct SampledAcceptance: Sendable, Equatable {
    /// For heads 2…n: ``DraftCoupling/keyedNoise(_:_:)``, the decoder's.
    public let keyedNoise: [Double]
    /// For heads 2…n: ``DraftCoupling/rejection(_:_:)``.
    public let rejection: [Double]

    /// Computes the means over all positions of the texts, each truncated to the model's context.
    ///
    /// - Parameters:
    ///   - configuration: the model's configuration.
    ///   - texts: the tokens of each text.
    ///   - distributions: returns every head's probabilities on a text, [T, V] each, row-major, head 1 first.
    public init(
        _ configuration: ModelConfiguration, texts: [[Int32]], distributions: ([Int32]) throws -> [[Double]]
    ) rethrows {
        let (heads, vocabulary) = (configuration.heads, configuration.vocabulary)
        var sums = [(keyed: Double, rejection: Double, count: Int)](repeating: (0, 0, 0), count: max(0, heads - 1))
        for text in texts {
            let tokens = Array(text.prefix(configuration.contextLength))
            guard tokens.count > heads else { continue }
            let distributions = try distributions(tokens)
            func row(_ head: Int, _ position: Int) -> [Double] {
                Array(distributions[head - 1][position * vocabulary..<(position + 1) * vocabulary])
            }
            for position in 0..<tokens.count - heads {
                for head in 2..<heads + 1 {
                    let (p, q) = (row(1, position + head - 1), row(head, position))
                    sums[head - 2].keyed += DraftCoupling.keyedNoise(p, q)
                    sums[head - 2].rejection += DraftCoupling.rejection(p, q)
                    sums[head - 2].count += 1
                }
            }
        }
        keyedNoise = sums.map { $0.keyed / Double(max(1, $0.count)) }
        rejection = sums.map { $0.rejection / Double(max(1, $0.count)) }
    }
}
