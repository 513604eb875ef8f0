internal import CTorch
import Foundation

/// Exact byte counts of the tensors on a device, kept by the allocator (on the CPU, Foretoken's own).
public struct Memory: Sendable, Equatable {
    /// Bytes of live tensors.
    public let current: Int
    /// The maximum of `current` since ``resetPeak(on:)``.
    public let peak: Int
    /// Bytes cached for reuse.
    public let cached: Int

    /// Reads the counters of a device.
    public static func read(on device: Device = .cpu) -> Memory {
        LibTorch.initialized
        var memory = ct_memory()
        guard ct_memory_read(device.handle, &memory) == CT_OK else { return Memory(current: 0, peak: 0, cached: 0) }
        return Memory(current: Int(memory.current), peak: Int(memory.peak), cached: Int(memory.cached))
    }

    /// Resets the peak to the current byte count.
    public static func resetPeak(on device: Device = .cpu) {
        LibTorch.initialized
        ct_memory_reset_peak(device.handle)
    }

    /// Returns the CPU's cached memory to the system.
    public static func emptyCache() {
        LibTorch.initialized
        ct_memory_empty_cache()
    }

    /// The memory available to this process in bytes: the machine's, or the limit of its control group if that is lower.
    public static var machineBytes: Int {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let group = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8))
            .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        return min(machine, group ?? machine)
    }

    /// Limits the bytes of all CPU tensors; an allocation beyond that fails with ``TorchError/outOfMemory(_:)``. Nil removes the
    /// limit.
    public static func setLimit(bytes: Int?) {
        LibTorch.initialized
        ct_memory_set_limit(Int64(bytes ?? 0))
    }
}
