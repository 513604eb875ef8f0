import ForetokenFormats
import ForetokenModel
import ForetokenText
import Testing
import Torch

@testable import ForetokenTraining

/// A captured step reads its inputs from fixed places. Here the captured work is run again by operators: whatever a step
/// takes from elsewhere would still have its first value.
@Suite(.serialized) struct CapturedObjectiveTests {
    private struct Result {
        let losses: [Double]
        let gradients: [String: [Double]]
    }

    private func result(_ losses: Tensor, _ model: MultiTokenModel) -> Result {
        Result(
            losses: losses.elements(),
            gradients: Dictionary(
                uniqueKeysWithValues: model.parameters.compactMap { parameter in
                    parameter.tensor.gradient.map { (parameter.name, $0.to(.float64).contiguous().elements()) }
                }))
    }

    /// float64: the factor w_i / count is multiplied at another place, so that sums differ in their last bits.
    @Test(arguments: ObjectiveName.allCases, HeadKind.allCases)
    func stepsOfChangingBatchesAndWeightsEqualThoseOfTheObjective(name: ObjectiveName, kind: HeadKind) throws {
        for (mask, soft) in [(false, 0), (true, 3)] {
            let shape = ObjectiveCase(kind: kind, heads: 3, documentMask: mask)
            let model = try shape.model()
            let objective = name.objective(ObjectiveOptions(logitsBytes: 400, selfDistillationTopK: soft))
            let captured = CapturedObjective(model, objective)
            for (seed, weights) in [
                (1, [1.0, 1, 1]), (2, [1, 1, 1]), (3, [1, 0.5, 0.25]), (4, [0.3, 2, 1]),
                // Other heads: captured anew.
                (5, [1, 0, 1]), (6, [2, 0, 1]), (7, [1, 0, 3]),
            ] {
                let batches = (0..<2).map {
                    randomBatch(
                        batch: 2, context: 7, heads: 3, vocabulary: 11, seed: UInt64(10 * seed + $0),
                        documentLength: 3 + seed)
                }
                let counts = (1...3).map { head in batches.reduce(0) { $0 + $1.validTargets(head: head) } }
                let found = result(
                    try captured.replaceGradients(
                        by: batches.map { try HostBatch($0, for: model.configuration, headWeights: weights) },
                        denominators: counts, headWeights: weights), model)
                let expectedLosses = try runObjective(objective, model, batches, weights: weights)
                for (a, b) in zip(found.losses, expectedLosses) { #expect(abs(a - b) < 1e-12 * max(1, abs(b))) }
                for parameter in model.parameters {
                    let expected = parameter.tensor.gradient?.contiguous().elements(as: Double.self)
                    let own = found.gradients[parameter.name]
                    #expect((own == nil) == (expected == nil), "\(parameter.name)")
                    for (a, b) in zip(own ?? [], expected ?? []) { #expect(abs(a - b) < 1e-12) }
                }
            }
        }
    }

    @Test func anotherBatchSizeBeginsAnew() throws {
        let shape = ObjectiveCase(kind: .parallel, heads: 2, documentMask: false)
        let model = try shape.model()
        let captured = CapturedObjective(model, FusedObjective())
        for size in [2, 2, 3, 3, 1] {
            let batch = randomBatch(batch: size, context: 7, heads: 2, vocabulary: 11, seed: UInt64(size))
            let counts = [1, 2].map { batch.validTargets(head: $0) }
            let losses: [Double] = try captured.replaceGradients(
                by: [HostBatch(batch, for: model.configuration)], denominators: counts, headWeights: [1, 1]
            ).elements()
            let expected = try runObjective(FusedObjective(), model, [batch])
            for (a, b) in zip(losses, expected) { #expect(abs(a - b) < 1e-12) }
        }
    }
}
