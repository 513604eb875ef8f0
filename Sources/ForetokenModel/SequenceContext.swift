import Foundation
public import Torch

/// What every block needs to know of a batch beside its hidden states: positions, as rotary tables, and who may look at
/// whom.
public struct SequenceContext {
    /// cos of position times frequency, [T, d] with both halves of the head's width equal.
    let cosine: Tensor
    /// sin, laid out likewise.
    let sine: Tensor
    /// Bool [B, 1, T, T], true where a query may look; nil for plain causal attention.
    let mask: Tensor?

    /// The context of sequences of T tokens from position 0.
    ///
    /// `documents`: document ids [B, T] (int32); attention then stays inside documents.
    public init(
        configuration: ModelConfiguration, length: Int, documents: Tensor? = nil, dtype: DType = .float32,
        device: Device = .cpu
    ) {
        let table = RotaryTable(configuration: configuration, positions: length)
        func tensor(_ half: [Double]) -> Tensor {
            let values = Tensor(half, shape: [length, configuration.headDimension / 2]).to(dtype)
            return Tensor.concatenating([values, values], axis: 1).to(device)
        }
        cosine = tensor(table.cosine)
        sine = tensor(table.sine)
        guard let documents else {
            mask = nil
            return
        }
        let batch = documents.shape[0]
        let own = documents.reshaped(batch, 1, length, 1)
        let other = documents.reshaped(batch, 1, 1, length)
        let position = Tensor.range(length, device: device)
        let past = position.reshaped(length, 1).isAtLeast(position.reshaped(1, length))
        mask = own.equals(other).and(past)
    }

    /// Rotates queries or keys [B, H, T, d] by their positions: Hugging Face's form, first half against second half.
    func rotated(_ x: Tensor) -> Tensor {
        let half = x.shape[3] / 2
        let first = x.narrowed(axis: 3, from: 0, count: half)
        let second = x.narrowed(axis: 3, from: half, count: half)
        return x * cosine + Tensor.concatenating([second * -1, first], axis: 3) * sine
    }
}

/// cos and sin of position · θ^(−2j/d), computed in double (RoFormer, arXiv 2104.09864).
public struct RotaryTable: Sendable {
    /// [positions, d/2], row-major.
    public let cosine: [Double]
    /// [positions, d/2], row-major.
    public let sine: [Double]

    /// The table of the positions 0..<positions.
    public init(configuration: ModelConfiguration, positions: Int) {
        let half = configuration.headDimension / 2
        let frequencies = (0..<half).map { pow(configuration.ropeBase, -Double($0) / Double(half)) }
        let angles = (0..<positions).flatMap { position in frequencies.map { Double(position) * $0 } }
        cosine = angles.map(cos)
        sine = angles.map(sin)
    }
}
