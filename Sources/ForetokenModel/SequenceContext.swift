import ForetokenFormats
import Foundation
import Torch

/// What every block needs to know of a batch beside its hidden states: positions, as rotary tables, and who may look at
/// whom.
public struct SequenceContext {
    /// The rotary angles' cosines and sines of each position.
    let rotary: RotaryTensors
    /// Bool [B, 1, T, T], true where a query may look; nil for plain causal attention.
    let mask: Tensor?

    /// The context of sequences of T tokens from position 0.
    ///
    /// - Parameter documents: document ids [B, T] (int32); attention then stays inside documents.
    init(rotary: RotaryTensors, documents: Tensor? = nil) {
        self.rotary = rotary
        guard let documents else {
            mask = nil
            return
        }
        let (batch, length) = (documents.shape[0], documents.shape[1])
        let own = documents.reshaped(batch, 1, length, 1)
        let other = documents.reshaped(batch, 1, 1, length)
        let position = Tensor.range(length, device: documents.device)
        let past = position.reshaped(length, 1).isAtLeast(position.reshaped(1, length))
        mask = own.equals(other).and(past)
    }
}

/// A ``RotaryTable`` as tensors [T, d/2].
struct RotaryTensors {
    let length: Int
    let cosine: Tensor
    let sine: Tensor

    init(configuration: ModelConfiguration, length: Int, dtype: DType, device: Device) {
        let table = RotaryTable(configuration: configuration, positions: length)
        func tensor(_ values: [Double]) -> Tensor {
            Tensor(values, shape: [length, configuration.headDimension / 2]).to(dtype).to(device)
        }
        self.length = length
        cosine = tensor(table.cosine)
        sine = tensor(table.sine)
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
        self.init(configuration: configuration, from: 0, to: positions)
    }

    /// The table of the positions first..<end.
    package init(configuration: ModelConfiguration, from first: Int, to end: Int) {
        let frequencies = Self.frequencies(configuration).map { configuration.ropeScaling?.scaled($0) ?? $0 }
        let angles = (first..<end).flatMap { position in frequencies.map { Double(position) * $0 } }
        cosine = angles.map(cos)
        sine = angles.map(sin)
    }

    /// θ^(−2j/d) for each j below d/2, before any scaling.
    static func frequencies(_ configuration: ModelConfiguration) -> [Double] {
        let half = configuration.headDimension / 2
        return (0..<half).map { pow(configuration.ropeBase, -Double($0) / Double(half)) }
    }
}
