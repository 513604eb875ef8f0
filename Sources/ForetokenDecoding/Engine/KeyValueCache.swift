import CKernels

/// Pages of keys and values of one layer and ``slotsPerPage`` slots, taken and given back.
final class CachePool {
    static let slotsPerPage = Int(CK_PANEL)

    let memory: any PageMemory
    var bytesPerPage: Int { memory.bytesPerPage }
    private var unused: [PageNumber] = []
    private var returned: [PageNumber] = []
    /// Owners beyond the first, of pages that have several.
    private var sharers: [PageNumber: Int] = [:]
    /// Pages in use.
    private(set) var pagesInUse = 0

    init(_ model: DecodeModel) {
        memory = model.backend.makePageMemory()
    }

    /// Pages of zeros or of an earlier owner's numbers.
    func take(_ count: Int) throws -> [PageNumber] {
        let old = returned.suffix(count)
        if old.count + unused.count < count {
            unused += try memory.grow(byAtLeast: count - old.count - unused.count).reversed()
        }
        try memory.prepare(Array(old))
        returned.removeLast(old.count)
        let new = unused.suffix(count - old.count)
        unused.removeLast(new.count)
        pagesInUse += count
        return Array(old) + new.reversed()
    }

    /// Gives a page one more owner; neither may write it from now on.
    func share(_ page: PageNumber) { sharers[page, default: 0] += 1 }

    /// A page with the numbers of another.
    func copy(_ page: PageNumber) throws -> PageNumber {
        let copy = try take(1)[0]
        try memory.copy(page, to: copy)
        return copy
    }

    /// Takes a page from one owner; the last one's is free again.
    func giveBack(_ page: PageNumber) {
        if let others = sharers[page] {
            sharers[page] = others > 1 ? others - 1 : nil
        } else {
            pagesInUse -= 1
            returned.append(page)
        }
    }
}

/// Keys and values of a stack of blocks for one sequence: append, truncate. A slot is a place here; positions belong to the
/// rotary embedding and need not equal slots.
final class KeyValueCache {
    /// Slots in use.
    private(set) var count = 0
    private let pool: CachePool
    private let layers: Int
    private let pagesPerLayer: Int
    private var pagesInUse = 0
    /// Page numbers [layers, pagesPerLayer], -1 where there is none yet.
    private let table: UnsafeMutablePointer<PageNumber>

    /// - Parameter maximum: the most slots that will ever be in use.
    init(layers: Int, maximum: Int, pool: CachePool) {
        self.pool = pool
        self.layers = layers
        pagesPerLayer = (maximum + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage
        table = .allocate(capacity: layers * pagesPerLayer)
        table.initialize(repeating: -1, count: layers * pagesPerLayer)
    }

    deinit {
        for index in 0..<(layers * pagesPerLayer) where table[index] >= 0 { pool.giveBack(table[index]) }
        table.deallocate()
    }

    /// Takes `rows` more slots into use.
    ///
    /// - Parameter position: of the first row.
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func reserve(_ rows: Int, position: Int, into rowTable: inout [AttentionMetadata]) throws {
        let needed = (count + rows + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage
        precondition(needed <= pagesPerLayer)
        while pagesInUse < needed {
            for (layer, page) in try pool.take(layers).enumerated() { table[layer * pagesPerLayer + pagesInUse] = page }
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

    /// A cache with the first `length` slots of this one. Full pages are shared; the last one is copied, since both go on
    /// writing there.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func fork(_ length: Int, maximum: Int) throws -> KeyValueCache {
        precondition(length <= count && length <= maximum)
        let fork = KeyValueCache(layers: layers, maximum: maximum, pool: pool)
        let full = length / CachePool.slotsPerPage
        fork.count = length
        fork.pagesInUse = (length + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage
        for layer in 0..<layers {
            for page in 0..<fork.pagesInUse {
                let own = table[layer * pagesPerLayer + page]
                if page < full { pool.share(own) }
                fork.table[layer * fork.pagesPerLayer + page] = page < full ? own : try pool.copy(own)
            }
        }
        return fork
    }

    /// Forgets all slots from `count` on; their pages stay for the next ones.
    func truncate(to count: Int) { self.count = min(self.count, count) }
}
