internal import CTorch
import ForetokenFormats
import ForetokenModel
import Torch

/// A device whose passes ATen runs.
final class DecodeDevice {
    let place: Device
    let isExact: Bool
    let handle: ct_k_device

    /// Nil for the CPU, which has kernels of its own.
    convenience init?(
        _ place: Device, _ format: WeightFormat, for configuration: ModelConfiguration, isExact: Bool,
        usesGraphs: Bool
    ) throws {
        if place == .cpu { return nil }
        guard format != .int8 else { throw DecodingError.int8NeedsCPU }
        self.init(place, format, tile: isExact ? max(8, configuration.heads) : 0, usesGraphs: usesGraphs)
    }

    /// `tile`: rows of every GEMM, padded; 0 for as many as there are. `usesGraphs`: captures passes as CUDA graphs.
    init(_ place: Device, _ format: WeightFormat, tile: Int, usesGraphs: Bool = false) {
        guard let handle = ct_k_device_new(place.handle, format.dtype.rawValue, Int64(tile), usesGraphs) else {
            preconditionFailure("a device's object is a plain allocation")
        }
        self.place = place
        self.handle = handle
        isExact = tile > 0
    }

    deinit { ct_k_device_release(handle) }
}
