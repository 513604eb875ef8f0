internal import CTorch
import ForetokenModel
import Torch

/// A device whose passes ATen runs.
final class DecodeDevice {
    let place: Device
    let isExact: Bool
    let handle: ct_k_device

    /// Nil for the CPU, which has kernels of its own.
    convenience init?(
        _ place: Device, _ format: WeightFormat, for configuration: ModelConfiguration, isExact: Bool
    ) throws {
        if place == .cpu { return nil }
        guard format != .int8 else { throw DecodingError.int8NeedsCPU }
        self.init(place, format, tile: isExact ? max(8, configuration.heads) : 0)
    }

    /// `tile`: rows of every product, filled up; 0 for as many as there are.
    init(_ place: Device, _ format: WeightFormat, tile: Int) {
        guard let handle = ct_k_device_new(place.handle, format.dtype.rawValue, Int64(tile)) else {
            preconditionFailure("a device's object is a plain allocation")
        }
        self.place = place
        self.handle = handle
        isExact = tile > 0
    }

    deinit { ct_k_device_release(handle) }
}
