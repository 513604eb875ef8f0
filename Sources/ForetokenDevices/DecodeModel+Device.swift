public import ForetokenDecoding
public import ForetokenModel
public import Torch

extension DecodeModel {
    /// Loads a model's weights onto a device.
    ///
    /// The CPU kernels give the same logits bitwise whatever the number of tokens in a pass. On other devices speculative and
    /// next-token decoding can differ at near ties of head 1's logits.
    ///
    /// - Parameters:
    ///   - source: the weights, read one parameter at a time.
    ///   - format: the element format of matrices; int8 is supported on the CPU only.
    ///   - device: the device that runs the passes.
    ///   - isExact: pads every pass to one shape, so that results do not depend on the number of rows as far as the device's
    ///     GEMM treats all rows alike; slower. No effect on the CPU.
    ///   - usesGraphs: captures passes as CUDA graphs on a GPU.
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
