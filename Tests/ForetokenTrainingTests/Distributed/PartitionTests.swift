import ForetokenModel
import ForetokenText
import Foundation
import TestSupport
import Testing
import Torch

@testable import ForetokenDistributed
@testable import ForetokenTraining

/// A rank of a world without peers, for tests that need none.
private struct Place: World {
    let rank: Int
    let size: Int
    var localRank: Int { rank }
    var localSize: Int { size }
    func sum(_ values: [Double]) -> [Double] { values }
    func reduce(_ tensor: Tensor, to root: Int) -> Transfer { .done }
    func broadcast(_ tensor: Tensor, from root: Int) -> Transfer { .done }
}

@Suite struct PartitionTests {
    @Test func theSharesOfAllRanksAreTheGlobalBatchWithoutOverlapOrGap() {
        for size in 1...9 {
            for count in size...40 {
                let shares = (0..<size).map { Place(rank: $0, size: size).share(of: count) }
                #expect(shares.flatMap(Array.init) == Array(0..<count))
                let lengths = shares.map(\.count)
                #expect(lengths.min()! >= 1 && lengths.max()! - lengths.min()! <= 1)
            }
        }
    }

    /// Over an epoch, 1, 2, 3 and 4 ranks use every sequence of the shuffled order in the same steps.
    @Test func anEpochIsSeenInTheSameStepsByAnyNumberOfRanks() {
        let (sequences, batch) = (37, 6)
        let order = SequenceOrder(seed: 5, count: sequences)
        func steps(_ ranks: Int) -> [[Int]] {
            (0..<7).map { step in
                (0..<ranks).flatMap { rank in
                    Place(rank: rank, size: ranks).share(of: batch).map { order.sequence(at: step * batch + $0) }
                }
            }
        }
        #expect(Set(steps(1).joined().prefix(sequences)) == Set(0..<sequences))
        for ranks in 2...4 { #expect(steps(ranks) == steps(1)) }
    }

    @Test(arguments: [1, 2, 3, 8, 50])
    func everyParameterHasOneOwnerAndTravelsOnce(ranks: Int) throws {
        let model = try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 50, width: 16, layers: 6, attentionHeads: 2, feedForwardWidth: 24, heads: 3,
                contextLength: 8),
            seed: 1)
        let plan = ShardPlan(model, ranks: ranks, stageBytes: 0)
        let bytes = model.parameters.map { $0.tensor.count * 4 }
        #expect(plan.owners.count == bytes.count && plan.owners.allSatisfy { (0..<ranks).contains($0) })
        #expect(plan.buckets.flatMap(\.members).sorted() == Array(bytes.indices))
        for bucket in plan.buckets { #expect(bucket.members.allSatisfy { plan.owners[$0] == bucket.owner }) }
        // Graham's bound on the heaviest share, against the lower bound of any partition.
        let heaviest = (0..<ranks).map { plan.bytes(of: $0, bytes) }.max()!
        let best = max(bytes.max()!, (bytes.reduce(0, +) + ranks - 1) / ranks)
        #expect(Double(heaviest) <= 4.0 / 3 * Double(best))
        // The last head first, the embedding last.
        #expect(model.parameters[plan.buckets[0].members[0]].group == .head(3))
        #expect(model.parameters[plan.buckets.last!.members[0]].group == .embedding)
        // Buckets are sent in the order in which their gradients become final.
        let stages = model.backwardStages.map { $0.map(\.name) }
        let order = plan.buckets.map { bucket in
            bucket.members.map { member in stages.firstIndex { $0.contains(model.parameters[member].name) } ?? -1 }
        }
        for stage in order { #expect(Set(stage).count == 1) }
        #expect(order.map { $0[0] } == order.map { $0[0] }.sorted())
        // Joined stages are the same buckets' content with fewer of them.
        let joined = ShardPlan(model, ranks: ranks)
        #expect(joined.owners == plan.owners && joined.buckets.count <= ranks)
        #expect(joined.buckets.flatMap(\.members).sorted() == Array(bytes.indices))
    }

    @Test func ranksOfOneHostNeedItsMemoryTogether() throws {
        let folder = try TemporaryFolder()
        var recipe = try tinyRecipe(in: folder)
        (recipe.model.width, recipe.model.contextLength) = (256, 1024)
        // One rank fits this machine, whatever it has, and sixteen do not.
        func peak() throws -> Int {
            try MemoryEstimate(recipe, configuration: recipe.configuration(for: ByteTokenizer()), ranks: 16).peak
        }
        recipe.training.batchSize = 8
        while try peak() <= Memory.machineBytes / 16 { recipe.training.batchSize *= 2 }
        #expect(try peak() < Memory.machineBytes)
        let error = #expect(throws: TrainerError.self) {
            try Trainer(recipe: recipe, folder: RunFolder(folder.file("run")), world: Place(rank: 0, size: 16))
        }
        let words = "in each of 16 ranks and the machine has"
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func bucketsKeepToTheirBytesAndLargerTensorsTravelAlone() {
        let plan = ShardPlan(
            bytes: [10, 20, 30, 100, 5, 5], stages: [[0, 1, 2, 3], [4, 5]], ranks: 1, bucketBytes: 50)
        #expect(plan.buckets.map(\.members) == [[0, 1], [2], [3], [4, 5]])
    }
}

@Suite struct RankPlacementTests {
    private let torchrun = [
        "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "host", "MASTER_PORT": "29500",
    ]

    @Test func torchrunsVariablesAreRead() throws {
        var environment = torchrun
        var placement = try #require(try RankPlacement(environment: environment))
        #expect((placement.rank, placement.size, placement.localRank, placement.localSize) == (3, 4, 1, 2))
        #expect((placement.address, placement.port, placement.isStoreElsewhere) == ("host", 29500, false))
        environment["LOCAL_WORLD_SIZE"] = "3"
        environment["TORCHELASTIC_USE_AGENT_STORE"] = "True"
        environment["TORCHELASTIC_RESTART_COUNT"] = "2"
        placement = try #require(try RankPlacement(environment: environment))
        #expect(placement.isStoreElsewhere && placement.attempt == 2 && placement.localSize == 3)
    }

    @Test func slurmsVariablesAreReadAndTorchrunsWinOverThem() throws {
        var environment = [
            "SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "41234",
            "SLURM_JOB_NODELIST": "gpu[07-09,12],login",
        ]
        var placement = try #require(try RankPlacement(environment: environment))
        #expect((placement.rank, placement.size, placement.localRank, placement.localSize) == (5, 8, 1, 2))
        #expect((placement.address, placement.port) == ("gpu07", 16_234))
        environment["SLURM_STEP_NUM_TASKS"] = "6"
        environment["SLURM_STEP_NODELIST"] = "alone"
        environment["MASTER_PORT"] = "700"
        placement = try #require(try RankPlacement(environment: environment))
        #expect((placement.size, placement.address, placement.port) == (6, "alone", 700))
        for (list, node, tasks) in [
            ("2(x2),3", "2", 3), ("4", "0", 4), ("2(x3)", "5", 2), ("x(y", "0", 2), ("4", "-1", 2),
        ] {
            environment["SLURM_STEP_TASKS_PER_NODE"] = list
            environment["SLURM_NODEID"] = node
            #expect(try RankPlacement(environment: environment)?.localSize == tasks, "\(list), node \(node)")
        }
        placement = try #require(
            try RankPlacement(environment: environment.merging(torchrun, uniquingKeysWith: { $1 })))
        #expect((placement.rank, placement.size) == (3, 4))
    }

    @Test func noRankOrOneRankIsNoWorld() throws {
        #expect(try RankPlacement(environment: ["HOME": "/"]) == nil)
        #expect(try RankPlacement(environment: ["RANK": "0", "WORLD_SIZE": "1"]) == nil)
        #expect(try RankPlacement(environment: ["SLURM_PROCID": "0", "SLURM_NTASKS": "1"]) == nil)
    }

    @Test(arguments: [
        ("RANK", "4", "not an integer from 0 to 3"), ("RANK", "-1", "not an integer"), ("RANK", "x", "not an integer"),
        ("WORLD_SIZE", "0", "not an integer"), ("WORLD_SIZE", "99999999999999999999", "not an integer"),
        ("WORLD_SIZE", nil, "missing"), ("RANK", nil, "missing"), ("LOCAL_RANK", nil, "missing"),
        ("LOCAL_RANK", "4", "not an integer from 0 to 3"), ("LOCAL_WORLD_SIZE", "1", "not an integer from 2 to 4"),
        ("MASTER_ADDR", "", "missing"), ("MASTER_ADDR", nil, "missing"),
        ("MASTER_PORT", "65536", "not an integer from 1 to 65535"), ("MASTER_PORT", "0", "not an integer"),
        ("TORCHELASTIC_RESTART_COUNT", "often", "not an integer"),
    ])
    func aBadOrMissingVariableIsNamed(name: String, value: String?, words: String) throws {
        var environment = torchrun
        environment[name] = value
        let error = #expect(throws: WorldError.self) { try RankPlacement(environment: environment) }
        #expect(error?.description.contains("environment: \(name): ") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
