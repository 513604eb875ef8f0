import ForetokenFormats
import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenTraining

/// A next-token model of one layer has no trunk: head 1 reads the embeddings.
@Suite struct OneLayerTests {
    private func configuration(_ heads: Int = 1, layers: Int = 1) -> ModelConfiguration {
        ModelConfiguration(
            vocabulary: 11, width: 8, layers: layers, attentionHeads: 2, feedForwardWidth: 12, heads: heads,
            contextLength: 12
        )
    }

    @Test func gradientsAreThoseOfTheJointLossAndOfFiniteDifferences() throws {
        let model = try MultiTokenModel(configuration(), seed: 3, dtype: .float64)
        #expect(model.trunk.isEmpty)
        let batch = randomBatch(batch: 2, context: 7, heads: 1, vocabulary: 11, seed: 5)
        let denominators = [batch.validTargets(head: 1)]
        func run(_ objective: any Objective) throws -> (loss: Double, gradients: [[Double]], ready: [String]) {
            for parameter in model.parameters { parameter.tensor.gradient = nil }
            var ready: [String] = []
            let losses = try objective.accumulateGradients(
                in: model, microbatches: [batch], denominators: denominators, headWeights: [1],
                onGradientReady: { ready.append($0.name) })
            return (
                losses[0], try model.parameters.map { try #require($0.tensor.gradient).elements() }, ready.sorted()
            )
        }
        let expected = try run(JointObjective())
        // float64 sums in another order: 1e-15 of numbers of about 1.
        for name in ObjectiveName.allCases {
            for recompute in Recomputation.allCases {
                let found = try run(name.objective(ObjectiveOptions(recompute: recompute)))
                #expect(abs(found.loss - expected.loss) < 1e-12)
                #expect(found.ready == model.parameters.map(\.name).sorted())
                for (a, b) in zip(found.gradients.joined(), expected.gradients.joined()) { #expect(abs(a - b) < 1e-10) }
            }
        }
        // The embedding's gradient, along a direction of length 7: truncation is 2e-10 for h = 1e-6, rounding 1e-9.
        let table = model.embedding.tensor.detached()
        let direction = Tensor((0..<88).map { cos(Double($0)) }, shape: [11, 8])
        func loss(_ step: Double) throws -> Double {
            let before = table.copied()
            withoutGradient { table.add(direction * step) }
            defer { table.assign(before) }
            return try run(JointObjective()).loss
        }
        let slope = try (loss(1e-6) - loss(-1e-6)) / 2e-6
        let predicted = zip(expected.gradients[0], direction.elements(as: Double.self)).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(slope - predicted) < 1e-7)
    }

    @Test func severalHeadsNeedATrunk() {
        #expect(throws: ModelError.self) { try configuration(2, layers: 2).validate() }
        #expect(throws: ModelError.self) { try configuration(2, layers: 1).validate() }
    }
}
