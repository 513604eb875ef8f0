internal import CKernels

/// Pages for the CPU's kernels, which never read a slot that nobody wrote.
final class HostPages: PageMemory {
    private let floatsPerPage: Int
    private var pieces: [HostMemory] = []
    /// The address of every page by its number.
    private var addresses: [UnsafeMutablePointer<Float>?] = []

    init(_ shape: UnsafePointer<ck_shape>) { floatsPerPage = Int(ck_page_floats(shape)) }

    var bytesPerPage: Int { floatsPerPage * MemoryLayout<Float>.stride }

    func grow(byAtLeast count: Int) throws -> Range<PageNumber> {
        let count = max(count, (1 << 20) / bytesPerPage)
        let piece = try HostMemory(byteCount: count * bytesPerPage)
        pieces.append(piece)
        let first = piece.bytes.bindMemory(to: Float.self, capacity: count * floatsPerPage)
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
