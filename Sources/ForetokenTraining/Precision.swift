public import ForetokenFormats
import Torch

/// What a training step computes in; weights, their gradients and optimizer state are float32 in either case.
public enum Precision: String, Sendable, CaseIterable {
    /// float32.
    case f32
    /// bfloat16 activations and operands, sums in float32 inside each product (arXiv 1710.03740, 1905.12322).
    case bf16

    /// The element type of activations.
    public var computeType: DType { self == .f32 ? .float32 : .bfloat16 }

    /// Refuses what a device computes only by emulation.
    ///
    /// - Throws: ``RecipeError/impossible(key:reason:)``.
    func require(on device: Device) throws {
        guard self == .bf16, device == .cpu, !LibTorch.hasBFloat16Instructions else { return }
        throw RecipeError.impossible(
            key: "training.precision",
            reason:
                "this processor has no bfloat16 instructions, and without them bf16 is hundreds of times slower than "
                + "float32; take f32, or training.device: cuda")
    }
}
