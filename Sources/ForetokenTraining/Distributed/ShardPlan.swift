import ForetokenFormats
import ForetokenModel
import Torch

/// Which rank keeps the optimizer's state of which parameter, and in which buckets gradients are sent there (ZeRO's
/// first stage, arXiv 1910.02054, by whole tensors).
///
/// A bucket holds whole tensors of one owner that become final together: its gradients are reduced to that rank, which
/// alone updates their weights and broadcasts these. All buckets together are a reduce-scatter and an all-gather: each
/// rank sends the bytes of the gradients and of the weights once, as in an all-reduce.
struct ShardPlan: Equatable {
    /// Parameters of one owner, by their index in the model's list.
    struct Bucket: Equatable {
        let owner: Int
        let members: [Int]
    }

    /// The owner of each parameter.
    let owners: [Int]
    /// The buckets in the order in which they are sent.
    let buckets: [Bucket]

    /// Larger tensors are sent alone and without a copy; smaller ones are gathered up to this many bytes.
    static let bucketBytes = 16 << 20

    /// Stages smaller than this are joined: the latency of a message is worth about as many bytes.
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

    /// The plan of a model, in the order of ``MultiTokenModel/backwardStages``; frozen parameters have no part in it.
    ///
    /// Stages that are small are joined, up to `stageBytes`.
    init(_ model: MultiTokenModel, ranks: Int, stageBytes: Int = Self.stageBytes) {
        let parameters = model.parameters.filter { !$0.isFrozen }
        let index = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
        let order = model.backwardStages.map { stage in stage.compactMap { index[$0.name] } }
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
