import ForetokenFormats
import ForetokenModel
import Torch

/// What attention takes of a batch beside its hidden states: rope tables for the positions, and who attends to whom.
public struct AttentionInputs {
    /// Cosines and sines of each position.
    let rope: RopeTensors
    /// Bool [B, 1, T, T], true where a query may look; nil for causal attention over the whole sequence.
    let mask: Tensor?

    /// Of sequences of T tokens from position 0.
    ///
    /// - Parameter documents: document ids [B, T] (int32); attention then stays inside documents.
    init(rope: RopeTensors, documents: Tensor? = nil) {
        self.rope = rope
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
struct RopeTensors {
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
