import ForetokenTraining
public import Torch

/// Tests whether collectives work on a device with a single-rank group: NCCL on a GPU, Gloo on the CPU.
public enum CollectiveCheck {
    /// All-reduces a tensor over a group of one rank, which must leave it unchanged.
    ///
    /// - Throws: `TorchError.failed` if the communication library is missing or reports an error.
    public static func passes(on device: Device) throws -> Bool {
        let store = try RendezvousStore(host: "127.0.0.1", port: 0, serving: true, timeout: .seconds(10))
        let group: ProcessGroup =
            switch device {
            case .cuda(let index):
                try .nccl(store: store, prefix: "check", rank: 0, size: 1, gpu: index, timeout: .seconds(60))
            default:
                try .gloo(
                    store: store, prefix: "check", rank: 0, size: 1, interface: nil, address: "127.0.0.1",
                    joining: .seconds(10), timeout: .seconds(60))
            }
        let tensor = Tensor.uploading([1, -2, 0.5] as [Float], shape: [3], to: device)
        guard try group.sum(tensor).wait(atMost: .seconds(60)) else { return false }
        return tensor.to(.cpu).elements(as: Float.self) == [1, -2, 0.5]
    }
}
