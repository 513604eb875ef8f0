import Torch

/// Sends the optimizer's state, of which each rank keeps a share, to rank 0 tensor by tensor while rank 0 writes it: no
/// rank ever holds more of it than its own share and one tensor.
///
/// All ranks walk the same list. If rank 0 stops early, for a full disk say, it still receives the rest, so that the
/// others do not wait forever.
final class StateGather {
    private let slots: [AdamW.Slot]
    private let world: any World
    private var position = 0
    /// See ``AdamW/fewerSteps``, of all ranks.
    let fewerSteps: [String: Int]

    init(_ optimizer: AdamW, world: any World) throws {
        slots = optimizer.slots
        self.world = world
        fewerSteps = optimizer.fewerSteps(of: try world.sum(optimizer.stepsOfAll))
    }

    /// The next tensor of the list, on rank 0; a scratch tensor elsewhere.
    func next() throws -> Tensor {
        let slot = slots[position]
        position += 1
        let tensor = try slot.tensor ?? .zeros(slot.shape, dtype: slot.dtype, device: slot.device)
        _ = try world.broadcast(tensor, from: slot.owner).wait()
        return tensor
    }

    /// Walks to the end of the list.
    func drain() throws { while position < slots.count { _ = try next() } }
}
