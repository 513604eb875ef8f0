internal import CKernels

/// Cache pages in host memory. The CPU kernels never read a slot that has not been written, so pages need no clearing.
final class HostPages: PageMemory {
    private let floatsPerPage: Int
    private var chunks: [HostMemory] = []
    /// Page addresses, indexed by page number.
    private var addresses: [UnsafeMutablePointer<Float>?] = []

    init(_ shape: UnsafePointer<ck_shape>) { floatsPerPage = Int(ck_page_floats(shape)) }

    var bytesPerPage: Int { floatsPerPage * MemoryLayout<Float>.stride }

    func grow(byAtLeast count: Int) throws -> Range<PageNumber> {
        let count = max(count, (1 << 20) / bytesPerPage)
        let chunk = try HostMemory(byteCount: count * bytesPerPage)
        chunks.append(chunk)
        let first = chunk.bytes.bindMemory(to: Float.self, capacity: count * floatsPerPage)
        let start = PageNumber(addresses.count)
        addresses += (0..<count).map { first + $0 * floatsPerPage }
        return start..<PageNumber(addresses.count)
    }

    func prepare(_ pages: [PageNumber]) {}

    func copy(_ page: PageNumber, to copy: PageNumber) {
        guard let from = addresses[Int(page)], let to = addresses[Int(copy)] else { return }
        to.update(from: from, count: floatsPerPage)
    }

    func withAddresses<Result>(
        _ body: (UnsafePointer<UnsafeMutablePointer<Float>?>?) throws -> Result
    ) rethrows -> Result {
        try addresses.withUnsafeBufferPointer { try body($0.baseAddress) }
    }
}
