import ForetokenFormats
import ForetokenModel
import Torch

/// What attention takes of a batch beside its hidden states: rope tables for the positions, and who attends to whom.
public struct AttentionInputs {
    /// Cosines and sines of each position.
    let rope: RopeTensors
    /// Bool [B, 1, T, T], true where a query may look; nil for causal attention over the whole sequence.
    let mask: Tensor?
    /// The same for blocks with a sliding window.
    let windowMask: Tensor?

    /// Of sequences of T tokens from position 0.
    ///
    /// - Parameters:
    ///   - batch: B.
    ///   - documents: document ids [B, T] (int32); attention then stays inside documents.
    ///   - window: the number of tokens that a block with a window attends to; nil if none has one.
    init(rope: RopeTensors, batch: Int, documents: Tensor? = nil, window: Int? = nil) {
        self.rope = rope
        let length = rope.length
        let hasWindow = window.map { $0 < length } ?? false
        guard documents != nil || hasWindow else {
            (mask, windowMask) = (nil, nil)
            return
        }
        let position = Tensor.range(length, device: rope.cosine.device)
        let (query, key) = (position.reshaped(length, 1), position.reshaped(1, length))
        let past = query.isAtLeast(key)
        mask = documents.map { documents in
            let own = documents.reshaped(batch, 1, length, 1)
            return own.equals(documents.reshaped(batch, 1, 1, length)).and(past)
        }
        guard let window, hasWindow else {
            windowMask = mask
            return
        }
        let recent = key.isAtLeast(query + Double(1 - window))
        let sequences = Tensor.range(batch, device: rope.cosine.device).reshaped(batch, 1, 1, 1)
        windowMask = (mask ?? past.and(sequences.equals(sequences))).and(recent)
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
