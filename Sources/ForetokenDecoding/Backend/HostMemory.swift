import Synchronization

/// A piece of the host's memory, of zeros, freed with the object.
package final class HostMemory: @unchecked Sendable {
    /// Aligned to 64 bytes, large pieces to huge pages.
    package let bytes: UnsafeMutableRawPointer
    private let count: Int
    private let block: Platform.Block

    /// How much is taken before the machine is asked again what it has left.
    private static let worthAsking = 64 << 20

    private struct Use {
        var current = 0
        var limit = Platform.memoryLimit() ?? .max
        var sinceAsked = 0
    }
    private static let use = Mutex(Use())

    /// - Throws: ``DecodingError/outOfMemory(_:)`` for more than the machine has, or its control group allows.
    package init(byteCount: Int) throws(DecodingError) {
        let isThere = Self.use.withLock { use in
            let (sum, overflow) = use.current.addingReportingOverflow(byteCount)
            guard byteCount >= 0, !overflow, sum <= use.limit else { return false }
            use.sinceAsked += byteCount
            if use.sinceAsked >= Self.worthAsking {
                guard use.sinceAsked <= Platform.availableMemory() ?? .max else {
                    use.sinceAsked -= byteCount
                    return false
                }
                use.sinceAsked = 0
            }
            use.current = sum
            return true
        }
        guard isThere, let block = Platform.allocate(max(1, byteCount)) else {
            if isThere { Self.use.withLock { $0.current -= byteCount } }
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

    /// Bytes held by all pieces.
    package static var current: Int { use.withLock { $0.current } }

    /// Limits the bytes of all pieces together; nil: what the machine has. For tests.
    package static func setLimit(bytes: Int?) {
        use.withLock { $0.limit = bytes ?? Platform.memoryLimit() ?? .max }
    }
}

/// Memory for many values that live as long as it does: small ones share pieces, since each would cost a page.
package final class MemoryArena: @unchecked Sendable {
    /// Mapped as huge pages; what of a piece is never written takes no memory.
    private static let pieceBytes = 32 << 20
    private var pieces: [HostMemory] = []
    private var next: UnsafeMutableRawPointer?
    private var left = 0

    package init() {}

    /// `bytes` of memory, aligned to 64.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    package func take(_ bytes: Int) throws(DecodingError) -> UnsafeMutableRawPointer {
        let bytes = (bytes + 63) / 64 * 64
        if bytes >= Self.pieceBytes / 4 {
            let piece = try HostMemory(byteCount: bytes)
            pieces.append(piece)
            return piece.bytes
        }
        if bytes > left || next == nil {
            let piece = try HostMemory(byteCount: Self.pieceBytes)
            pieces.append(piece)
            next = piece.bytes
            left = Self.pieceBytes
        }
        guard let place = next else { preconditionFailure("no memory was taken") }
        next = place + bytes
        left -= bytes
        return place
    }

    /// Values at an address that stays.
    package func keep<Value: BitwiseCopyable>(
        _ values: some Collection<Value>
    ) throws(DecodingError) -> UnsafePointer<Value> {
        let place = try take(values.count * MemoryLayout<Value>.stride)
            .bindMemory(to: Value.self, capacity: values.count)
        _ = UnsafeMutableBufferPointer(start: place, count: values.count).update(fromContentsOf: values)
        return UnsafePointer(place)
    }
}
