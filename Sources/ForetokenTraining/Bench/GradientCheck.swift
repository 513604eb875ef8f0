import ForetokenFormats
public import ForetokenModel
import ForetokenText
public import Torch

/// Compares the losses and gradients of a training step on a device with those on the CPU, for one objective and head
/// kind.
public struct GradientCheck: Sendable, Equatable {
    /// The objective.
    public let objective: ObjectiveName
    /// The kind of the heads.
    public let headKind: HeadKind
    /// The type that activations were computed in.
    public let precision: Precision
    /// Whether attention stopped at documents.
    public let documentMask: Bool
    /// The largest of ‖g − g_cpu‖ ÷ ‖g_cpu‖ over the parameters and |loss − loss_cpu| ÷ loss_cpu over the heads,
    /// against the CPU in float32; infinite if a number is not finite or missing.
    public let error: Double

    /// The largest error allowed. In float32 it covers other orders of summation; in bfloat16 the rounding to 8 bits,
    /// which puts the CPU's own gradients of this shape 0.025 to 0.030 from float32.
    public var limit: Double { precision == .f32 ? 1e-4 : 5e-2 }
    /// Whether the error is within the limit.
    public var passed: Bool { error <= limit }

    /// Runs one check on a model of 3 million parameters.
    ///
    /// - Parameters:
    ///   - objective: the objective.
    ///   - headKind: the kind of the heads.
    ///   - precision: the type in which the device computes activations.
    ///   - documentMask: whether attention stops at documents.
    ///   - device: the device to check.
    ///   - capturesSteps: whether the device runs the step as captured work; the second of three steps is captured, and
    ///     all are compared.
    /// - Throws: `TorchError`.
    public init(
        _ objective: ObjectiveName, _ headKind: HeadKind, _ precision: Precision, documentMask: Bool, on device: Device,
        capturesSteps: Bool = false
    ) throws {
        self.objective = objective
        self.headKind = headKind
        self.precision = precision
        self.documentMask = documentMask
        let shape = ModelConfiguration(
            vocabulary: 1000, width: 128, layers: 7, attentionHeads: 4, keyValueHeads: 2, heads: 4, headKind: headKind,
            contextLength: 64, documentMask: documentMask)
        let models = try [Device.cpu, device].map { try MultiTokenModel(shape, seed: 1, device: $0) }
        models[1].computeType = precision.computeType
        let plain = objective.objective()
        let captured = capturesSteps ? CapturedObjective(models[1], plain) : nil
        if capturesSteps { try device.leaveDefaultStream() }
        var largest = 0.0
        for round in 0..<(capturesSteps ? 3 : 1) {
            let batch = Self.batch(shape, round: round)
            let counts = (1...shape.heads).map { batch.validTargets(head: $0) }
            let weights = (1...shape.heads).map { 1 / Double($0 + round) }
            let losses = try zip(models, [nil, captured]).map { model, captured in
                for parameter in model.parameters { parameter.tensor.gradient = nil }
                return try captured?.replaceGradients(
                    by: [HostBatch(batch, for: shape)], denominators: counts, headWeights: weights
                ).elements()
                    ?? plain.accumulateGradients(
                        in: model, microbatches: [batch], denominators: counts, headWeights: weights,
                        onGradientReady: { _ in })
            }
            for (own, expected) in zip(losses[1], losses[0]) {
                largest = Self.worse(largest, abs(own - expected) / expected)
            }
            for (own, expected) in zip(models[1].parameters, models[0].parameters) {
                largest = Self.worse(largest, Self.difference(own.tensor.gradient, expected.tensor.gradient))
            }
        }
        error = largest
    }

    private static func worse(_ a: Double, _ b: Double) -> Double { b.isNaN ? .infinity : max(a, b) }

    private static func difference(_ a: Tensor?, _ b: Tensor?) -> Double {
        guard let a, let b else { return .infinity }
        let (x, y) = (a.to(.cpu).to(.float64), b.to(.float64))
        let squares: [Double] = sumsOfSquares(of: [x - y, y]).elements()
        return (squares[0] / squares[1]).squareRoot()
    }

    /// Tokens that look random, in documents of 23.
    private static func batch(_ shape: ModelConfiguration, round: Int) -> TokenBatch {
        let (size, length) = (2, shape.contextLength + shape.heads)
        var state = UInt64(round) &+ 1
        let tokens = (0..<size * length).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int32((state >> 33) % UInt64(shape.vocabulary))
        }
        return TokenBatch(
            batchSize: size, sequenceLength: shape.contextLength, heads: shape.heads, tokens: tokens,
            documents: (0..<size * length).map { Int32($0 % length / 23) })
    }
}
