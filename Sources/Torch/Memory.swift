internal import CTorch
import Foundation

/// Exact bytes held by tensors, counted by the allocator (on the CPU, our own).
public struct Memory: Sendable, Equatable {
    /// Bytes of the tensors that are alive.
    public let current: Int
    /// The most there were since ``resetPeak(on:)``.
    public let peak: Int
    /// Bytes kept for reuse, held by no tensor.
    public let cached: Int

    /// Reads the counters of a device.
    public static func read(on device: Device = .cpu) -> Memory {
        LibTorch.initialized
        var memory = ct_memory()
        guard ct_memory_read(device.handle, &memory) == CT_OK else { return Memory(current: 0, peak: 0, cached: 0) }
        return Memory(current: Int(memory.current), peak: Int(memory.peak), cached: Int(memory.cached))
    }

    /// Lets the peak start again from what is held now.
    public static func resetPeak(on device: Device = .cpu) {
        LibTorch.initialized
        ct_memory_reset_peak(device.handle)
    }

    /// Gives the bytes kept for reuse on the CPU back to the system.
    public static func emptyCache() {
        LibTorch.initialized
        ct_memory_empty_cache()
    }

    /// Bytes of memory that this process can have at most: the machine's, or its control group's if that is less.
    public static var machineBytes: Int {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let group = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8))
            .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        return min(machine, group ?? machine)
    }

    /// Makes CPU tensors fail with ``TorchError/outOfMemory(_:)`` beyond so many bytes in all; nil lifts the bound.
    public static func setLimit(bytes: Int?) {
        LibTorch.initialized
        ct_memory_set_limit(Int64(bytes ?? 0))
    }
}
