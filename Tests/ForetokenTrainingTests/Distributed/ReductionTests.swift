import ForetokenModel
import ForetokenText
import Foundation
import Testing
import Torch

@testable import ForetokenDistributed
@testable import ForetokenTraining

/// A recording world: the second of two ranks, where the first contributes zeros.
private final class Recorder: World {
    let rank = 1
    let size = 2
    let localRank = 0
    let localSize = 2
    var reduced: [(root: Int, count: Int)] = []
    var onReduce: () -> Void = {}

    func sum(_ values: [Double]) -> [Double] { values }
    func reduce(_ tensor: Tensor, to root: Int) -> Transfer {
        reduced.append((root, tensor.count))
        onReduce()
        return .done
    }
    func broadcast(_ tensor: Tensor, from root: Int) -> Transfer { .done }
}

@Suite struct ReductionTests {
    private let configuration = ModelConfiguration(
        vocabulary: 40, width: 16, layers: 6, attentionHeads: 2, feedForwardWidth: 24, heads: 3, contextLength: 8)

    private func batches(_ count: Int) -> [TokenBatch] {
        (0..<count).map { randomBatch(batch: 2, context: 8, heads: 3, vocabulary: 40, seed: UInt64($0)) }
    }

    /// Gradients are reported when they are final, in the last micro-batch only: heads before the trunk, and the trunk's blocks
    /// from the last to the first.
    @Test(arguments: ObjectiveName.allCases, Recomputation.allCases)
    func gradientsAreNamedOnceWhenTheyAreFinal(objective: ObjectiveName, recompute: Recomputation) throws {
        func gradients(_ ready: (MultiTokenModel, Parameter) -> Void) throws -> [[Float]] {
            let model = try MultiTokenModel(configuration, seed: 3)
            _ = try objective.objective(ObjectiveOptions(recompute: recompute)).accumulateGradients(
                in: model, microbatches: batches(3), denominators: [40, 40, 40], headWeights: [1, 1, 1],
                onGradientReady: { ready(model, $0) })
            return try model.parameters.map { try #require($0.tensor.gradient).elements() }
        }
        let expected = try gradients { _, _ in }
        var names: [String] = []
        var atTheTime: [String: [Float]] = [:]
        let all = try gradients { _, parameter in
            names.append(parameter.name)
            atTheTime[parameter.name] = parameter.tensor.gradient?.elements()
        }
        #expect(all == expected)
        let model = try MultiTokenModel(configuration, seed: 3)
        #expect(names.sorted() == model.parameters.map(\.name).sorted())
        for (parameter, values) in zip(model.parameters, expected) { #expect(atTheTime[parameter.name] == values) }
        guard objective != .joint else { return }
        let blocks = names.compactMap { name in model.trunk.indices.last { name.hasPrefix("model.layers.\($0).") } }
        #expect(blocks == blocks.sorted(by: >) && Set(blocks).count == model.trunk.count)
        #expect(names.last == model.embedding.name)
    }

    /// Gradients of parameters owned by other ranks are released during the pass; those of this rank hold the sum.
    @Test func eachRankKeepsTheGradientsOfItsOwnParameters() throws {
        let model = try MultiTokenModel(configuration, seed: 3)
        func run(_ ready: (Parameter) -> Void) throws {
            _ = try FusedObjective().accumulateGradients(
                in: model, microbatches: batches(2), denominators: [40, 40, 40], headWeights: [1, 1, 1],
                onGradientReady: ready)
        }
        try run { _ in }
        let expected = try model.parameters.map { try #require($0.tensor.gradient).elements(as: Float.self) }
        let plan = ShardPlan(model, ranks: 2, stageBytes: 0)
        for overlaps in [true, false] {
            model.parameters.forEach { $0.tensor.gradient = nil }
            let world = Recorder()
            let reducer = GradientReducer(model, plan: plan, world: world)
            reducer.overlaps = overlaps
            var (isBackwardOver, early) = (false, 0)
            world.onReduce = { if !isBackwardOver { early += 1 } }
            try run { reducer.ready($0) }
            isBackwardOver = true
            // All gradients except the embedding's are sent before the end of the pass.
            #expect(early == (overlaps ? plan.buckets.count : 0))
            try reducer.finish()
            #expect(world.reduced.map(\.root) == plan.buckets.map(\.owner))
            #expect(world.reduced.reduce(0) { $0 + $1.count } == expected.reduce(0) { $0 + $1.count })
            for (index, parameter) in model.parameters.enumerated() {
                let gradient = parameter.tensor.gradient?.elements(as: Float.self)
                #expect(gradient == (plan.owners[index] == 1 ? expected[index] : nil))
            }
            try reducer.shareWeights()
        }
    }

    @Test func predictedBytesOfARankAreItsWeightsGradientsAndShareOfTheState() throws {
        var recipe = Recipe()
        recipe.data.train = "x"
        recipe.model.width = 16
        recipe.model.layers = 6
        recipe.model.feedForwardWidth = 24
        recipe.model.heads = 3
        for kind in HeadKind.allCases {
            recipe.model.headKind = kind
            let configuration = recipe.configuration(for: ByteTokenizer())
            let model = try MultiTokenModel(configuration, seed: nil)
            let bytes = model.parameters.map { $0.tensor.count * 4 }
            let one = try MemoryEstimate(recipe, configuration: configuration)
            for ranks in [2, 5] {
                let estimate = try MemoryEstimate(recipe, configuration: configuration, ranks: ranks)
                let plan = ShardPlan(model, ranks: ranks)
                let heaviest = try #require((0..<ranks).map { plan.bytes(of: $0, bytes) }.max())
                #expect(estimate.weights == one.weights && estimate.gradients == one.gradients)
                #expect(estimate.optimizer == 2 * heaviest)
                #expect(estimate.peak < one.peak)
            }
        }
    }

    /// 13B, the paper's largest model (40 layers, width 5120, vocabulary 32,000), on eight GPUs with 141 GB.
    @Test func thirteenBillionParametersFitEightTimes141GB() throws {
        var recipe = Recipe()
        recipe.model.width = 5120
        recipe.model.layers = 40
        recipe.model.attentionHeads = 40
        recipe.model.feedForwardWidth = 13_824
        recipe.model.contextLength = 4096
        recipe.training.batchSize = 1
        recipe.training.accumulation = 8
        recipe.memory.recompute = .blocks
        var configuration = recipe.configuration(for: ByteTokenizer())
        configuration.vocabulary = 32_000
        let estimate = try MemoryEstimate(recipe, configuration: configuration, ranks: 8)
        #expect((12_900_000_000...13_100_000_000).contains(estimate.weights / 4))
        #expect(estimate.peak < 141_000_000_000)
        #expect(try MemoryEstimate(recipe, configuration: configuration).peak > 141_000_000_000)
    }
}
