import ForetokenPlatform

/// The natural log-probabilities of logits [V], computed in double precision.
struct LogProbabilities {
    private let logits: UnsafeBufferPointer<Float>
    /// log Σ exp(logit).
    private let normalizer: Double

    init(_ logits: UnsafeBufferPointer<Float>) {
        self.logits = logits
        let peak = Double(logits.max() ?? 0)
        normalizer = log(logits.reduce(0.0) { $0 + exp(Double($1) - peak) }) + peak
    }

    /// A token's log-probability.
    subscript(token: Int32) -> Double { Double(logits[Int(token)]) - normalizer }
}

extension UnsafeBufferPointer<Float> {
    /// The numbers of the largest elements, the largest first; of equal ones the first.
    func largest(_ limit: Int) -> [Int32] {
        var best: [(index: Int32, value: Float)] = []
        for (index, value) in enumerated() where best.count < limit || best.last.map({ value > $0.value }) == true {
            let place = best.firstIndex { value > $0.value } ?? best.count
            best.insert((Int32(index), value), at: place)
            if best.count > limit { best.removeLast() }
        }
        return best.map(\.index)
    }
}
