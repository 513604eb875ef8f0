import ForetokenFormats
import ForetokenModel
import Testing
import Torch

@testable import ForetokenTraining

/// Hands on to another loss, and counts what is asked of it and what that asks of the targets.
private final class CountingLoss: HeadLoss {
    private let loss: any HeadLoss
    /// For each head.
    var losses: [Int: Int] = [:]
    var targets: [Int: [TargetTensors]] = [:]

    init(_ loss: any HeadLoss) { self.loss = loss }

    func accumulateGradient(
        of output: Tensor, _ targets: HeadTargets
    ) throws -> (loss: Tensor, gradient: Tensor) {
        losses[targets.head, default: 0] += 1
        let counted = HeadTargets(head: targets.head, weight: targets.weight, denominator: targets.denominator) {
            let made = targets.tensors()
            self.targets[targets.head, default: []].append(made)
            return made
        }
        return try loss.accumulateGradient(of: output, counted)
    }
}

/// The two walks over the heads, and what a micro-batch hands to them.
@Suite struct HeadByHeadTests {
    private struct Result: Equatable {
        let losses: [Double]
        let gradients: [[Double]?]
        let ready: [String]
    }

    /// Both micro-batches of an example through one of the walks.
    private func run(
        _ example: ObjectiveCase, _ model: MultiTokenModel, _ options: ObjectiveOptions, weights: [Double],
        isFused: Bool, _ walk: (HeadByHeadPass) throws -> Void
    ) throws -> Result {
        for parameter in model.parameters { parameter.tensor.gradient = nil }
        let losses = HeadLosses(model)
        var ready: [String] = []
        try withoutActuallyEscaping({ (parameter: Parameter) in ready.append(parameter.name) }) { report in
            for batch in example.batches() {
                let loss: any HeadLoss =
                    isFused ? FusedLoss(model: model, logitsBytes: 400) : LogitsLoss(model: model)
                try walk(
                    HeadByHeadPass(
                        model, BatchTensors(batch, for: model), options: options, headLoss: loss,
                        weights: LossWeights(
                            headWeights: weights, denominators: [Int](repeating: 17, count: weights.count)),
                        losses: losses, ready: GradientReadiness(report: report)))
            }
        }
        return Result(
            losses: try losses.joined().elements(),
            gradients: model.parameters.map { $0.tensor.gradient?.to(.float64).contiguous().elements() }, ready: ready)
    }

    /// Flat heads are chains of length 1, and so is head 1 of a chain alone.
    @Test(arguments: objectiveCases.filter { $0.kind != .anticausal || $0.heads == 1 }, [DType.float64, .float32])
    private func theChainedWalkGivesFlatHeadsTheSameBits(example: ObjectiveCase, dtype: DType) throws {
        let model = try example.model(dtype: dtype)
        let isFlat = model.configuration.headGraph.isFlat
        let weights = (1...example.heads).map { isFlat || $0 == 1 ? 1 / Double($0) : 0 }
        for isFused in [false, true] {
            for recompute in Recomputation.allCases {
                for (detachTrunk, topK) in [(false, 0), (true, 3)] {
                    let options = ObjectiveOptions(
                        recompute: recompute, detachTrunk: detachTrunk, selfDistillationTopK: topK)
                    let flat = try run(example, model, options, weights: weights, isFused: isFused) {
                        try $0.accumulateGradientsOfFlatHeads()
                    }
                    let chained = try run(example, model, options, weights: weights, isFused: isFused) {
                        try $0.accumulateGradientsOfChainedHeads()
                    }
                    #expect(flat == chained)
                    #expect(flat.losses[0] > 0 && flat.gradients[0]?.contains { $0 != 0 } == true)
                }
            }
        }
    }

    /// Every head has one loss in a micro-batch, which asks once for what the head learns from; the data's tokens are
    /// the tensors of the batch itself.
    @Test(arguments: HeadKind.allCases, [0, 3])
    func aMicrobatchsTargetsAreBuiltOnce(kind: HeadKind, topK: Int) throws {
        let example = ObjectiveCase(kind: kind, heads: 3, documentMask: false)
        let model = try example.model()
        let batch = try BatchTensors(example.batches()[0], for: model)
        for loss in [FusedLoss(model: model, logitsBytes: 400) as any HeadLoss, LogitsLoss(model: model)] {
            let counting = CountingLoss(loss)
            _ = try model.accumulateGradientsHeadByHead(
                [batch], weights: LossWeights(headWeights: [1, 1, 1], denominators: [9, 9, 9]),
                options: ObjectiveOptions(selfDistillationTopK: topK), loss: counting, onGradientReady: { _ in })
            #expect(counting.losses == [1: 1, 2: 1, 3: 1])
            #expect(counting.targets.mapValues(\.count) == [1: 1, 2: 1, 3: 1])
            for (head, made) in counting.targets {
                let isData = made[0].tokens === batch.targets(head: head).tokens
                #expect(isData == (topK == 0 || head == 1))
            }
        }
    }

    /// What heads learn from head 1 is what head 1 said when the targets were built, whatever becomes of it later.
    @Test func headOneIsAskedWhenTheTargetsAreBuilt() throws {
        let example = ObjectiveCase(kind: .parallel, heads: 3, documentMask: false)
        let model = try example.model()
        let pass = HeadByHeadPass(
            model, try BatchTensors(example.batches()[0], for: model),
            options: ObjectiveOptions(selfDistillationTopK: 3), headLoss: LogitsLoss(model: model),
            weights: LossWeights(headWeights: [1, 1, 1], denominators: [9, 9, 9]), losses: HeadLosses(model),
            ready: .silent)
        let z = pass.trunkOutput(pass.x)
        func probabilities(_ y: MicrobatchTargets) -> [[Double]] {
            pass.heads.dropFirst().map { y[$0].tensors().probabilities?.elements() ?? [] }
        }
        let y = pass.targets(z)
        let before = probabilities(y)
        model.unembedding.tensor.assign(model.unembedding.tensor.detached() * 2)
        #expect(probabilities(y) == before)
        #expect(before.count == 2 && zip(probabilities(pass.targets(z)), before).allSatisfy { $0 != $1 })
    }
}
