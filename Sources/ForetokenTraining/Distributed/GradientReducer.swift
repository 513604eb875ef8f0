import ForetokenModel
import Torch

/// Reduces each gradient to the rank that keeps its parameter's optimizer state, bucket by bucket while the backward
/// pass is still running, and broadcasts the new weights from there.
final class GradientReducer {
    /// Records the transfers of each step, if not nil.
    var trace: StepTrace?
    /// Whether gradients are sent while the backward pass runs; if not, after it, for comparison.
    var overlaps = true

    private let parameters: [Parameter]
    private let plan: ShardPlan
    private let world: any World
    private let index: [String: Int]
    private let bucketOf: [Int]

    /// Gradients that each bucket still waits for, and the buckets under way: one flat tensor each, or the gradient
    /// itself.
    private var waiting: [Int] = []
    private var isReady: [Bool] = []
    private var hasGradient: [Bool] = []
    private var inFlight: [(bucket: Int, tensor: Tensor, transfer: Transfer, begun: Int)] = []
    private var failure: (any Error)?

    init(_ model: MultiTokenModel, plan: ShardPlan, world: any World) {
        parameters = model.parameters.filter { !$0.isFrozen }
        self.plan = plan
        self.world = world
        index = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
        var bucketOf = [Int](repeating: 0, count: parameters.count)
        for (bucket, content) in plan.buckets.enumerated() {
            for member in content.members { bucketOf[member] = bucket }
        }
        self.bucketOf = bucketOf
        begin()
    }

    private func begin() {
        waiting = plan.buckets.map(\.members.count)
        isReady = [Bool](repeating: false, count: parameters.count)
        hasGradient = isReady
        inFlight = []
    }

    /// A gradient is final. All ranks send the buckets in the plan's order, in whatever order these fill.
    func ready(_ parameter: Parameter) {
        guard let index = index[parameter.name], !isReady[index] else { return }
        isReady[index] = true
        waiting[bucketOf[index]] -= 1
        if overlaps { sendFull() }
    }

    private func sendFull() {
        while failure == nil, inFlight.count < waiting.count, waiting[inFlight.count] == 0 {
            do { try send(inFlight.count) } catch { failure = error }
        }
    }

    private func send(_ bucket: Int) throws {
        let begun = monotonicNanoseconds()
        let content = plan.buckets[bucket]
        // A rank whose sequences have no target for a head has no gradient where another rank has one.
        let gradients = try content.members.map { member in
            let weights = parameters[member].tensor
            hasGradient[member] = weights.gradient != nil
            return try weights.gradient ?? .zeros(weights.shape, dtype: weights.dtype, device: weights.device)
        }
        let tensor =
            gradients.count == 1
            ? gradients[0].contiguous() : Tensor.concatenating(gradients.map { $0.reshaped(-1) }, axis: 0)
        // The tensor under way is the only copy.
        for member in content.members { parameters[member].tensor.gradient = nil }
        inFlight.append((bucket, tensor, try world.reduce(tensor, to: content.owner), begun))
    }

    /// Waits for all buckets: afterwards the parameters of this rank have the sum of all gradients, the others have
    /// none.
    func finish() throws {
        defer {
            failure = nil
            begin()
        }
        let backwardEnd = monotonicNanoseconds()
        // Parameters that were not reported have no gradient on this rank.
        waiting = waiting.map { _ in 0 }
        sendFull()
        if let failure { throw failure }
        // A parameter without a gradient on any rank, such as one of a head of weight 0, stays without.
        let learns = try world.sum(hasGradient.map { $0 ? 1 : 0 }).map { $0 > 0 }
        for (bucket, tensor, transfer, begun) in inFlight {
            let ended = try transfer.wait()
            trace?.transferred("reduce", bucket: bucket, to: plan.buckets[bucket].owner, tensor, from: begun, to: ended)
            guard plan.buckets[bucket].owner == world.rank else { continue }
            split(tensor, bucket) { if learns[$0] { parameters[$0].tensor.gradient = $1 } }
        }
        trace?.waited(from: backwardEnd, to: monotonicNanoseconds())
    }

    /// Broadcasts every parameter's new weights from its owner.
    func shareWeights() throws {
        let began = monotonicNanoseconds()
        let all = try withoutGradient {
            try plan.buckets.map { bucket in
                let weights = bucket.members.map { parameters[$0].tensor.detached() }
                let tensor =
                    weights.count == 1 ? weights[0] : Tensor.concatenating(weights.map { $0.reshaped(-1) }, axis: 0)
                return (tensor, try world.broadcast(tensor, from: bucket.owner))
            }
        }
        for (bucket, (tensor, transfer)) in all.enumerated() {
            let ended = try transfer.wait()
            trace?.transferred(
                "broadcast", bucket: bucket, to: plan.buckets[bucket].owner, tensor, from: began, to: ended)
            if plan.buckets[bucket].members.count > 1, plan.buckets[bucket].owner != world.rank {
                split(tensor, bucket) { parameters[$0].tensor.assign($1) }
            }
        }
        trace?.endStep()
    }

    /// Calls `take` with each member's part of a bucket's tensor.
    private func split(_ tensor: Tensor, _ bucket: Int, _ take: (Int, Tensor) -> Void) {
        let flat = tensor.reshaped(-1)
        var start = 0
        for member in plan.buckets[bucket].members {
            let target = parameters[member].tensor
            take(member, flat.narrowed(axis: 0, from: start, count: target.count).reshaped(to: target.shape))
            start += target.count
        }
    }
}
