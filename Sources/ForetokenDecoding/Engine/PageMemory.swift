internal import CTorch
import Torch

/// Where the pages of a ``CachePool`` lie.
protocol PageMemory: AnyObject {
    var bytesPerPage: Int { get }

    /// More pages, of zeros.
    ///
    /// - Throws: `TorchError.outOfMemory`.
    func grow(byAtLeast count: Int) throws -> [CachePool.Page]

    /// Makes pages of earlier owners fit for use.
    func prepare(_ pages: [CachePool.Page]) throws

    func copy(_ page: CachePool.Page, to copy: CachePool.Page) throws
}

/// Pages for the CPU's kernels, which never read a slot that nobody wrote.
final class HostPages: PageMemory {
    private let floatsPerPage: Int
    private var slabs: [Tensor] = []

    init(_ model: DecodeModel) { floatsPerPage = Int(ct_k_page_floats(model.shape)) }

    var bytesPerPage: Int { floatsPerPage * MemoryLayout<Float>.stride }

    func grow(byAtLeast count: Int) throws -> [CachePool.Page] {
        let count = max(count, (1 << 20) / bytesPerPage)
        let slab = try Tensor.zeros([count * floatsPerPage])
        slabs.append(slab)
        let first = slab.unsafeFloatPointer()
        return (0..<count).map { first + $0 * floatsPerPage }
    }

    func prepare(_ pages: [CachePool.Page]) {}

    func copy(_ page: CachePool.Page, to copy: CachePool.Page) { copy.update(from: page, count: floatsPerPage) }
}

/// Pages on another device; their addresses are only names.
final class DevicePages: PageMemory {
    private let model: DecodeModel
    private let pages = ct_k_pages_new()
    private var count = 0

    init(_ model: DecodeModel) { self.model = model }

    deinit { ct_k_pages_release(pages) }

    var bytesPerPage: Int { Int(ct_k_device_page_bytes(model.shape)) }

    /// By half at least: they are one tensor, so that those that are there move.
    func grow(byAtLeast missing: Int) throws -> [CachePool.Page] {
        let more = max(missing, count / 2, (1 << 20) / bytesPerPage)
        var added = [CachePool.Page?](repeating: nil, count: more)
        try throwing(ct_k_pages_grow(pages, model.shape, Int64(more), &added), #fileID, #line)
        count += more
        return added.compactMap(\.self)
    }

    /// Attention there reads whole pages and multiplies what the mask hides by zero, so no slot may hold what is not a number.
    func prepare(_ pages: [CachePool.Page]) throws {
        try throwing(ct_k_pages_clear(pages.map { $0 }, Int64(pages.count)), #fileID, #line)
    }

    func copy(_ page: CachePool.Page, to copy: CachePool.Page) throws {
        try throwing(ct_k_pages_copy(page, copy), #fileID, #line)
    }
}
