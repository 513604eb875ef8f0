import CTorch
import ForetokenFormats
import ForetokenModel
import ForetokenText
import Testing
import Torch

@testable import ForetokenTraining

/// A training step must not wait for a GPU before its end: the host would fall behind. Counted here on CPU tensors that take
/// the path of a GPU's (ATen's operators: float64, and bfloat16 beside float32), by the operators whose results the host reads.
@Suite(.serialized) struct WaitTests {
    private func waits(_ body: () throws -> Void) rethrows -> String {
        ct_waits_begin()
        do { try body() } catch {
            _ = ct_waits_end()
            throw error
        }
        return String(cString: ct_waits_end())
    }

    @Test(arguments: ObjectiveName.allCases, HeadKind.allCases)
    func nothingInAStepWaits(name: ObjectiveName, kind: HeadKind) throws {
        for (dtype, computeType, mask, soft) in [
            (DType.float64, DType.float64, false, 0), (.float64, .float64, true, 3), (.float32, .bfloat16, true, 0),
        ] {
            let shape = ObjectiveCase(kind: kind, heads: 3, documentMask: mask)
            let model = try shape.model(dtype: dtype)
            model.computeType = computeType
            for recompute in Recomputation.allCases {
                let step = TrainingStep(
                    model: model,
                    optimizer: try AdamW(model.parameters, betas: (0.9, 0.95), epsilon: 1e-8, decay: 0.1),
                    objective: name.objective(
                        ObjectiveOptions(logitsBytes: 400, recompute: recompute, selfDistillationTopK: soft)))
                func run() throws -> TrainingStep.Gradient {
                    let gradient = try step.gradient(of: shape.batches())
                    try step.update(by: gradient, rate: 1e-3)
                    return gradient
                }
                // The first makes the rope tables.
                _ = try run()
                var last: TrainingStep.Gradient?
                let found = try waits { last = try run() }
                #expect(found == "")
                #expect(try #require(last).read().isFinite)
            }
        }
    }

    /// The count sees what it is there to see.
    @Test func readingANumberIsCounted() throws {
        let x = Tensor([1.0, 2])
        #expect(waits { _ = x.sum().item() } == "aten::_local_scalar_dense")
        #expect(waits { _ = x.to(.cpu) } == "ct_to_device")
        #expect(waits { _ = x.sum() } == "")
    }
}
