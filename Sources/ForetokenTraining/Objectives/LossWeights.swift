import ForetokenFormats
import Torch

/// How the heads' losses add up to one: L = Σ_i w_i · Σ −log p_i ÷ denominator_i.
struct LossWeights {
    /// w_i, head 1 first.
    let headWeights: [Double]
    /// Valid targets of each head over the whole global batch, all ranks included.
    let denominators: [Int]

    /// Whether head i has a loss.
    func isActive(_ head: Int) -> Bool { headWeights[head - 1] != 0 }

    /// The heads that have a loss.
    var active: [Int] { (1...headWeights.count).filter(isActive) }
}

/// The sum of each head's loss over micro-batches, on the model's device.
final class HeadLosses {
    private var sums: [Tensor?]
    private let device: Device

    init(_ model: MultiTokenModel) {
        sums = [Tensor?](repeating: nil, count: model.heads.count)
        device = model.device
    }

    /// Adds a micro-batch's loss, a scalar.
    func add(_ share: Tensor, head: Int) {
        let share = share.detached().to(.float64)
        sums[head - 1] = sums[head - 1].map { $0 + share } ?? share
    }

    /// Float64 [n]; 0 for a head without.
    func joined() throws -> Tensor {
        .concatenating(
            try sums.map { try $0?.reshaped(1) ?? .zeros([1], dtype: .float64, device: device) }, axis: 0)
    }
}
