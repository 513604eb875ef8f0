import ForetokenFormats
import ForetokenModel
import Torch

/// Which rank keeps the optimizer's state of which parameter, and in which pieces gradients travel there (ZeRO's first
/// stage, arXiv 1910.02054, by whole tensors).
///
/// A bucket holds whole tensors of one owner that become final together: its gradients are summed into that rank, which alone
/// steps them, and its weights come back from there. All buckets together are a reduce-scatter and an all-gather: each rank
/// sends the bytes of the gradients and of the weights once, as an all-reduce would.
struct ShardPlan: Equatable {
    /// Parameters of one owner, by their index in the model's list.
    struct Bucket: Equatable {
        let owner: Int
        let members: [Int]
    }

    /// The owner of each parameter.
    let owners: [Int]
    /// The buckets in the order in which they travel.
    let buckets: [Bucket]

    /// Larger tensors travel alone and without a copy; smaller ones are gathered up to so many bytes.
    static let bucketBytes = 16 << 20

    /// Less than that does not travel alone: a message costs as long as some such bytes.
    static let stageBytes = 1 << 20

    /// - Parameters:
    ///   - bytes: of each parameter.
    ///   - stages: indices of the parameters whose gradients become final together, stage after stage.
    ///   - ranks: how many share the work.
    init(bytes: [Int], stages: [[Int]], ranks: Int, bucketBytes: Int = Self.bucketBytes) {
        // The largest first, each to the rank with the least: at most 4/3 of the best balance (Graham 1969).
        var loads = [Int](repeating: 0, count: ranks)
        var owners = [Int](repeating: 0, count: bytes.count)
        for index in bytes.indices.sorted(by: { (bytes[$0], $1) > (bytes[$1], $0) }) {
            let owner = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
            owners[index] = owner
            loads[owner] += bytes[index]
        }
        self.owners = owners
        buckets = stages.flatMap { stage in
            (0..<ranks).flatMap { owner in
                var (groups, size) = ([[Int]](), 0)
                for index in stage where owners[index] == owner {
                    if groups.isEmpty || size + bytes[index] > bucketBytes {
                        groups.append([])
                        size = 0
                    }
                    groups[groups.count - 1].append(index)
                    size += bytes[index]
                }
                return groups.map { Bucket(owner: owner, members: $0) }
            }
        }
    }

    /// The plan of a model, in the order of its backward pass: heads, what they share, the trunk from its end, the embedding.
    ///
    /// Stages that are small are joined, up to `stageBytes`.
    init(_ model: MultiTokenModel, ranks: Int, stageBytes: Int = Self.stageBytes) {
        let parameters = model.parameters.filter { !$0.isFrozen }
        let index = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
        var stages = model.configuration.headGraph.nodes.reversed().map { model.heads[$0.head - 1].parameters }
        stages.append(parameters.filter { $0.group == .unembedding })
        stages += model.trunk.reversed().map(\.parameters)
        var seen: Set<String> = []
        // Each parameter once, and whatever was not named above at the end.
        let order = (stages + [parameters]).map { stage in
            stage.filter { seen.insert($0.name).inserted }.compactMap { index[$0.name] }
        }
        let bytes = parameters.map { $0.tensor.count * $0.tensor.dtype.byteCount }
        var joined: [[Int]] = []
        var size = stageBytes
        for stage in order where !stage.isEmpty {
            if size >= stageBytes {
                joined.append([])
                size = 0
            }
            joined[joined.count - 1] += stage
            size += stage.reduce(0) { $0 + bytes[$1] }
        }
        self.init(bytes: bytes, stages: joined, ranks: ranks)
    }

    /// Bytes of the parameters whose state a rank keeps.
    func bytes(of rank: Int, _ bytes: [Int]) -> Int {
        owners.indices.reduce(0) { $0 + (owners[$1] == rank ? bytes[$1] : 0) }
    }
}
