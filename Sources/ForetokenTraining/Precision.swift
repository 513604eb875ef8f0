public import ForetokenFormats
import Torch

/// The type of a training step's activations; weights, their gradients and optimizer state are float32 in either case.
public enum Precision: String, Sendable, CaseIterable {
    /// float32.
    case f32
    /// bfloat16 activations and operands, sums in float32 inside each GEMM (arXiv 1710.03740, 1905.12322).
    case bf16

    /// The element type of activations.
    public var computeType: DType { self == .f32 ? .float32 : .bfloat16 }

    /// Refuses a precision that the device would have to emulate.
    ///
    /// - Throws: ``RecipeError/invalidValue(place:key:reason:)``.
    func require(on device: Device) throws {
        guard self == .bf16, device == .cpu, !LibTorch.hasBFloat16Instructions else { return }
        throw RecipeError.invalidValue(
            key: "training.precision",
            reason:
                "this processor has no bfloat16 instructions, and without them bf16 is hundreds of times slower than "
                + "float32; take f32, or training.device: cuda")
    }
}
