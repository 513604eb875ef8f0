import CKernels

/// Keys and values of a stack of blocks for one sequence. A slot is a row of the cache; a token's position, which determines
/// its rotary embedding, need not equal its slot.
final class KeyValueCache {
    /// Slots in use.
    private(set) var count = 0
    private let allocator: BlockAllocator
    private let layers: Int
    private let pagesPerLayer: Int
    private var pagesInUse = 0
    /// Page numbers [layers, pagesPerLayer], -1 where there is none yet.
    private let table: UnsafeMutablePointer<PageNumber>

    /// - Parameter maximum: the maximum number of slots.
    init(layers: Int, maximum: Int, allocator: BlockAllocator) {
        self.allocator = allocator
        self.layers = layers
        pagesPerLayer = (maximum + BlockAllocator.slotsPerPage - 1) / BlockAllocator.slotsPerPage
        table = .allocate(capacity: layers * pagesPerLayer)
        table.initialize(repeating: -1, count: layers * pagesPerLayer)
    }

    deinit {
        for index in 0..<(layers * pagesPerLayer) where table[index] >= 0 { allocator.release(table[index]) }
        table.deallocate()
    }

    /// Appends `rows` slots and their attention metadata.
    ///
    /// - Parameters:
    ///   - rows: the number of rows.
    ///   - position: the position of the first row.
    ///   - rowTable: receives the rows' metadata.
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func reserve(_ rows: Int, position: Int, into rowTable: inout [AttentionMetadata]) throws {
        let needed = (count + rows + BlockAllocator.slotsPerPage - 1) / BlockAllocator.slotsPerPage
        precondition(needed <= pagesPerLayer)
        while pagesInUse < needed {
            for (layer, page) in try allocator.allocate(layers).enumerated() {
                table[layer * pagesPerLayer + pagesInUse] = page
            }
            pagesInUse += 1
        }
        for row in 0..<rows {
            rowTable.append(
                AttentionMetadata(
                    pages: UnsafePointer(table), layer_stride: Int64(pagesPerLayer), slot: Int64(count + row),
                    position: Int64(position + row), prefix: Int64(count + row), ancestors: nil, ancestor_count: 0))
        }
        count += rows
    }

    /// Returns a cache with the first `length` slots of this one. Full pages are shared; a partial last page is copied, since
    /// both caches will write to it.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func fork(_ length: Int, maximum: Int) throws -> KeyValueCache {
        precondition(length <= count && length <= maximum)
        let fork = KeyValueCache(layers: layers, maximum: maximum, allocator: allocator)
        let full = length / BlockAllocator.slotsPerPage
        fork.count = length
        fork.pagesInUse = (length + BlockAllocator.slotsPerPage - 1) / BlockAllocator.slotsPerPage
        for layer in 0..<layers {
            for page in 0..<fork.pagesInUse {
                let original = table[layer * pagesPerLayer + page]
                if page < full { allocator.share(original) }
                fork.table[layer * fork.pagesPerLayer + page] = page < full ? original : try allocator.copy(original)
            }
        }
        return fork
    }

    /// Discards all slots from `count` on; their pages stay allocated for the next ones.
    func truncate(to count: Int) { self.count = min(self.count, count) }
}
