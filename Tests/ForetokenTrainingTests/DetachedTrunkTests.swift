import ForetokenModel
import Testing
import Torch

@testable import ForetokenTraining

/// Bounds of 1e-10: float64 sums in another order, as in ``ObjectiveTests``.
@Suite struct DetachedTrunkTests {
    /// With a detached trunk, the next-token path learns as from head 1 alone, and heads 2…n as ever.
    @Test(arguments: objectiveCases.filter { $0.kind != .anticausal && $0.heads > 1 }, ObjectiveName.allCases)
    private func aDetachedTrunkLearnsFromHeadOneAlone(example: ObjectiveCase, name: ObjectiveName) throws {
        let model = try example.model()
        func gradients() -> [[Double]?] { model.parameters.map { $0.tensor.gradient?.elements() } }
        _ = try runObjective(JointObjective(), model, example.batches())
        let whole = gradients()
        _ = try runObjective(
            JointObjective(), model, example.batches(), weights: [1] + [Double](repeating: 0, count: example.heads - 1))
        let alone = gradients()
        for recompute in Recomputation.allCases {
            _ = try runObjective(
                name.objective(ObjectiveOptions(recompute: recompute, detachTrunk: true)), model, example.batches())
            for (index, gradient) in gradients().enumerated() {
                let parameter = model.parameters[index]
                let expected: [Double]
                switch parameter.group {
                case .head(let head): expected = (head > 1 ? whole : alone)[index] ?? []
                case .trunk: expected = alone[index] ?? []
                case .unembedding: expected = whole[index] ?? []
                case .embedding:
                    // Tied, it is the unembedding as well.
                    if example.tied { continue }
                    expected = alone[index] ?? []
                }
                #expect(gradient?.count == expected.count, "\(parameter.name)")
                for (a, b) in zip(gradient ?? [], expected) { #expect(abs(a - b) < 1e-10, "\(parameter.name)") }
            }
        }
    }

    /// Nothing learns but heads 2…n, and nothing stops for that.
    @Test(arguments: objectiveCases.filter { $0.kind != .anticausal && $0.heads > 1 }, ObjectiveName.allCases)
    private func aDetachedTrunkWithoutHeadOneLearnsNothing(example: ObjectiveCase, name: ObjectiveName) throws {
        let model = try example.model()
        let weights = [0] + [Double](repeating: 1, count: example.heads - 1)
        _ = try runObjective(JointObjective(), model, example.batches())
        let whole = model.parameters.map { $0.tensor.gradient?.elements(as: Double.self) ?? [] }
        for recompute in Recomputation.allCases {
            _ = try runObjective(
                name.objective(ObjectiveOptions(recompute: recompute, detachTrunk: true)), model, example.batches(),
                weights: weights)
            for (parameter, expected) in zip(model.parameters, whole) {
                let gradient = parameter.tensor.gradient?.elements(as: Double.self)
                switch parameter.group {
                case .head(let head) where head > 1:
                    #expect(gradient?.count == expected.count, "\(parameter.name)")
                    for (a, b) in zip(gradient ?? [], expected) { #expect(abs(a - b) < 1e-10, "\(parameter.name)") }
                case .trunk, .head: #expect(gradient?.allSatisfy { $0 == 0 } ?? true, "\(parameter.name)")
                default: break
                }
            }
        }
    }
}
