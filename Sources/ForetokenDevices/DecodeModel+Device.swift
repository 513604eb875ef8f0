public import ForetokenDecoding
public import ForetokenModel
public import Torch

extension DecodeModel {
    /// A source's weights on a device. The CPU has kernels of its own, whose results do not depend on how many tokens a pass has.
    /// Elsewhere speculative and next-token text can part at near ties of head 1's logits.
    ///
    /// - Parameters:
    ///   - source: the weights, read one parameter at a time.
    ///   - format: how matrices are held; int8 is for the CPU.
    ///   - device: where passes run.
    ///   - isExact: on other devices than the CPU, gives every pass one shape, which costs time and lets the device's library
    ///     treat all rows alike.
    ///   - usesGraphs: on a GPU, captures passes as CUDA graphs.
    /// - Throws: what the source throws, `DecodingError`, `TorchError.outOfMemory`.
    public convenience init(
        reading source: any WeightSource, format: WeightFormat = .f32, device: Device, isExact: Bool = false,
        usesGraphs: Bool = false
    ) throws {
        guard device != .cpu else {
            try self.init(reading: source, format: format)
            return
        }
        let tile = isExact ? max(8, source.configuration.heads) : 0
        try self.init(
            source.configuration,
            backend: ATenBackend(source, format: format, device: device, tile: tile, usesGraphs: usesGraphs))
    }
}
