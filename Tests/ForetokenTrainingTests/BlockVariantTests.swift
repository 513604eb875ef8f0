import ForetokenFormats
import ForetokenModel
import ForetokenText
import Testing
import Torch

@testable import ForetokenTraining

/// Blocks with biases, norms of queries and keys, scaled rope angles, and windows.
struct BlockVariant: Sendable, CustomTestStringConvertible {
    let bias: AttentionBias
    let norm: Bool
    var documentMask = false
    var feedForwardBias = false
    var window: SlidingWindow?
    var scaling = RopeScaling.llama3(
        RopeScaling.Llama3(factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 3, originalContext: 8))
    var testDescription: String {
        "bias \(bias) \(feedForwardBias) norm \(norm) mask \(documentMask) window \(window?.size ?? 0)"
    }

    static let all = [
        BlockVariant(bias: .inputs, norm: false), BlockVariant(bias: .all, norm: false, documentMask: true),
        BlockVariant(bias: .none, norm: true), BlockVariant(bias: .all, norm: true),
        BlockVariant(bias: .none, norm: false, window: SlidingWindow(size: 3)),
        BlockVariant(
            bias: .none, norm: false, feedForwardBias: true,
            scaling: .yarn(RopeScaling.Yarn(factor: 4, originalContext: 4))),
        BlockVariant(
            bias: .all, norm: true, documentMask: true, feedForwardBias: true,
            window: SlidingWindow(size: 2, firstLayer: 2), scaling: .linear(factor: 2)),
    ]

    func model(dtype: DType) throws -> MultiTokenModel {
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 11, width: 8, layers: 4, attentionHeads: 2, keyValueHeads: 1, headDimension: 6,
                feedForwardWidth: 12, heads: 2, contextLength: 12,
                ropeScaling: scaling, attentionBias: bias, queryKeyNorm: norm, feedForwardBias: feedForwardBias,
                slidingWindow: window, documentMask: documentMask),
            seed: 3, dtype: dtype)
        // Biases begin at 0 and scales at 1, where too much is symmetric.
        for (number, parameter) in model.parameters.enumerated() where !parameter.isMatrix {
            let random = Tensor.normal(
                parameter.tensor.shape, standardDeviation: 0.3, dtype: dtype, generator: Generator(seed: UInt64(number))
            )
            parameter.tensor.assign(parameter.tensor.detached() + random)
        }
        return model
    }
}

@Suite struct BlockVariantTests {
    private func run(_ objective: any Objective, _ model: MultiTokenModel) throws -> [Double] {
        let batches = [randomBatch(batch: 2, context: 7, heads: 2, vocabulary: 11, seed: 5)]
        for parameter in model.parameters { parameter.tensor.gradient = nil }
        return try objective.accumulateGradients(
            in: model, microbatches: batches, denominators: (1...2).map { batches[0].validTargets(head: $0) },
            headWeights: [1, 1], onGradientReady: { _ in })
    }

    private func gradients(_ model: MultiTokenModel) -> [[Double]] {
        model.parameters.map { $0.tensor.gradient?.to(.float64).elements() ?? [] }
    }

    /// As for blocks without these: central differences at 1e-6 of losses of about 5 are right to 3e-9.
    @Test(arguments: BlockVariant.all)
    func gradientsEqualFiniteDifferences(variant: BlockVariant) throws {
        let model = try variant.model(dtype: .float64)
        let objective = SequentialObjective()
        _ = try run(objective, model)
        for (parameter, gradient) in zip(model.parameters, gradients(model)) {
            #expect(gradient.contains { $0 != 0 }, "\(parameter.name) gets no gradient")
            let values = parameter.tensor.elements(as: Double.self)
            for index in [0, values.count / 2, values.count - 1] {
                func loss(_ change: Double) throws -> Double {
                    var changed = values
                    changed[index] += change
                    parameter.tensor.assign(Tensor(changed, shape: parameter.tensor.shape))
                    return try run(objective, model).reduce(0, +)
                }
                let slope = (try loss(1e-6) - loss(-1e-6)) / 2e-6
                #expect(abs(slope - gradient[index]) < 1e-7, "\(parameter.name)[\(index)]")
            }
            parameter.tensor.assign(Tensor(values, shape: parameter.tensor.shape))
        }
    }

    /// The kernels of float32 against ATen in float64, and the objectives against each other. Of 200 random models of these
    /// shapes, float32 was up to 1.1e-5 of a parameter's largest gradient, or of 1, from float64; float64 is 2e-9 times as far.
    @Test(arguments: BlockVariant.all)
    func everyObjectiveAndPrecisionGivesTheSameGradients(variant: BlockVariant) throws {
        let exact = try variant.model(dtype: .float64)
        let reference = try run(JointObjective(), exact)
        let expected = gradients(exact)
        let single = try MultiTokenModel(exact.configuration, seed: nil)
        for parameter in single.parameters { parameter.tensor.assign(try exact.tensor(parameter.name)) }
        for (model, tolerance) in [(exact, 1e-10), (single, 5e-5)] {
            for name in ObjectiveName.allCases {
                for recompute in [Recomputation.none, .blocks] {
                    let losses = try run(name.objective(ObjectiveOptions(recompute: recompute)), model)
                    for (a, b) in zip(losses, reference) { #expect(abs(a - b) < tolerance) }
                    for (a, b) in zip(gradients(model), expected) {
                        let size = max(1, b.map(abs).max() ?? 0)
                        for (x, y) in zip(a, b) { #expect(abs(x - y) < tolerance * size) }
                    }
                }
            }
        }
    }
}
