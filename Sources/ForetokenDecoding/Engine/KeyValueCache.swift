internal import CTorch
import Torch

/// Memory for keys and values in pages of one layer and ``slotsPerPage`` slots, taken and given back.
final class CachePool {
    static let slotsPerPage = Int(CT_K_PANEL)

    private let floatsPerPage: Int
    var bytesPerPage: Int { floatsPerPage * MemoryLayout<Float>.stride }
    private let pagesPerSlab: Int
    private var slabs: [Tensor] = []
    private var free: [UnsafeMutablePointer<Float>] = []
    /// Owners beyond the first, of pages that have several.
    private var sharers: [UnsafeMutablePointer<Float>: Int] = [:]
    /// Pages in use.
    private(set) var pagesInUse = 0

    init(_ model: DecodeModel) {
        floatsPerPage = Int(ct_k_page_floats(model.shape))
        pagesPerSlab = max(1, (1 << 20) / (floatsPerPage * 4))
    }

    /// A page of zeros or of an earlier owner's numbers.
    func take() throws -> UnsafeMutablePointer<Float> {
        if free.isEmpty {
            let slab = try Tensor.zeros([pagesPerSlab * floatsPerPage])
            slabs.append(slab)
            let first = slab.unsafeFloatPointer()
            free = (0..<pagesPerSlab).reversed().map { first + $0 * floatsPerPage }
        }
        pagesInUse += 1
        return free.removeLast()
    }

    /// Gives a page one more owner; neither may write it from now on.
    func share(_ page: UnsafeMutablePointer<Float>) { sharers[page, default: 0] += 1 }

    /// A page with the numbers of another.
    func copy(_ page: UnsafeMutablePointer<Float>) throws -> UnsafeMutablePointer<Float> {
        let copy = try take()
        copy.update(from: page, count: floatsPerPage)
        return copy
    }

    /// Takes a page from one owner; the last one's is free again.
    func giveBack(_ page: UnsafeMutablePointer<Float>) {
        if let others = sharers[page] {
            sharers[page] = others > 1 ? others - 1 : nil
        } else {
            pagesInUse -= 1
            free.append(page)
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
    private let table: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>

    /// - Parameter maximum: the most slots that will ever be in use.
    init(layers: Int, maximum: Int, pool: CachePool) {
        self.pool = pool
        self.layers = layers
        pagesPerLayer = (maximum + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage
        table = .allocate(capacity: layers * pagesPerLayer)
        table.initialize(repeating: nil, count: layers * pagesPerLayer)
    }

    deinit {
        for index in 0..<(layers * pagesPerLayer) { table[index].map(pool.giveBack) }
        table.deallocate()
    }

    /// Takes `rows` more slots into use.
    ///
    /// - Parameter position: of the first row.
    /// - Throws: `TorchError.outOfMemory`.
    func reserve(_ rows: Int, position: Int, into places: inout [ct_k_row]) throws {
        let needed = (count + rows + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage
        precondition(needed <= pagesPerLayer)
        while pagesInUse < needed {
            for layer in 0..<layers { table[layer * pagesPerLayer + pagesInUse] = try pool.take() }
            pagesInUse += 1
        }
        for row in 0..<rows {
            places.append(
                ct_k_row(
                    pages: UnsafePointer(table), layer_stride: Int64(pagesPerLayer), slot: Int64(count + row),
                    position: Int64(position + row)))
        }
        count += rows
    }

    /// A cache with the first `length` slots of this one. Full pages are shared; the last one is copied, since both go on
    /// writing there.
    ///
    /// - Throws: `TorchError.outOfMemory`.
    func fork(_ length: Int, maximum: Int) throws -> KeyValueCache {
        precondition(length <= count && length <= maximum)
        let fork = KeyValueCache(layers: layers, maximum: maximum, pool: pool)
        let full = length / CachePool.slotsPerPage
        fork.count = length
        fork.pagesInUse = (length + CachePool.slotsPerPage - 1) / CachePool.slotsPerPage
        for layer in 0..<layers {
            for page in 0..<fork.pagesInUse {
                guard let own = table[layer * pagesPerLayer + page] else { continue }
                if page < full { pool.share(own) }
                fork.table[layer * fork.pagesPerLayer + page] = page < full ? own : try pool.copy(own)
            }
        }
        return fork
    }

    /// Forgets all slots from `count` on; their pages stay for the next ones.
    func truncate(to count: Int) { self.count = min(self.count, count) }
}
