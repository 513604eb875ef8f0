import Synchronization

/// A zeroed allocation of host memory, freed with the object.
package final class HostMemory: @unchecked Sendable {
    /// Aligned to 64 bytes; large allocations to huge pages.
    package let bytes: UnsafeMutableRawPointer
    private let count: Int
    private let block: Platform.Block

    /// Bytes allocated between two queries of the machine's available memory.
    private static let checkInterval = 64 << 20

    private struct Use {
        var current = 0
        var limit = Platform.memoryLimit() ?? .max
        var sinceCheck = 0
    }
    private static let use = Mutex(Use())

    /// - Throws: ``DecodingError/outOfMemory(_:)`` for more than the machine has, or its control group allows.
    package init(byteCount: Int) throws(DecodingError) {
        let isAvailable = Self.use.withLock { use in
            let (sum, overflow) = use.current.addingReportingOverflow(byteCount)
            guard byteCount >= 0, !overflow, sum <= use.limit else { return false }
            use.sinceCheck += byteCount
            if use.sinceCheck >= Self.checkInterval {
                guard use.sinceCheck <= Platform.availableMemory() ?? .max else {
                    use.sinceCheck -= byteCount
                    return false
                }
                use.sinceCheck = 0
            }
            use.current = sum
            return true
        }
        guard isAvailable, let block = Platform.allocate(max(1, byteCount)) else {
            if isAvailable { Self.use.withLock { $0.current -= byteCount } }
            throw .outOfMemory(byteCount)
        }
        self.block = block
        bytes = block.bytes
        count = byteCount
    }

    deinit {
        Platform.free(block)
        Self.use.withLock { [count] in $0.current -= count }
    }

    /// Bytes of all live allocations.
    package static var current: Int { use.withLock { $0.current } }

    /// Limits the bytes of all allocations together; nil restores the machine's limit. For tests.
    package static func setLimit(bytes: Int?) {
        use.withLock { $0.limit = bytes ?? Platform.memoryLimit() ?? .max }
    }
}

/// An arena: all its memory is freed with it. Small values share chunks, since each would otherwise occupy a page.
package final class MemoryArena: @unchecked Sendable {
    /// Chunks are mapped as huge pages; their untouched parts take no memory.
    private static let chunkBytes = 32 << 20
    private var chunks: [HostMemory] = []
    private var next: UnsafeMutableRawPointer?
    private var remaining = 0

    package init() {}

    /// Allocates `bytes` bytes, aligned to 64.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    package func allocate(_ bytes: Int) throws(DecodingError) -> UnsafeMutableRawPointer {
        let bytes = (bytes + 63) / 64 * 64
        if bytes >= Self.chunkBytes / 4 {
            let chunk = try HostMemory(byteCount: bytes)
            chunks.append(chunk)
            return chunk.bytes
        }
        if bytes > remaining || next == nil {
            let chunk = try HostMemory(byteCount: Self.chunkBytes)
            chunks.append(chunk)
            next = chunk.bytes
            remaining = Self.chunkBytes
        }
        guard let address = next else { preconditionFailure("the arena has no chunk") }
        next = address + bytes
        remaining -= bytes
        return address
    }

    /// Copies values into the arena.
    package func copy<Value: BitwiseCopyable>(
        _ values: some Collection<Value>
    ) throws(DecodingError) -> UnsafePointer<Value> {
        let copy = try allocate(values.count * MemoryLayout<Value>.stride)
            .bindMemory(to: Value.self, capacity: values.count)
        _ = UnsafeMutableBufferPointer(start: copy, count: values.count).update(fromContentsOf: values)
        return UnsafePointer(copy)
    }
}
