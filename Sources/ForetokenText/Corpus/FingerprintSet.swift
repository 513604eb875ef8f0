import ForetokenFiles
import ForetokenPlatform
import Synchronization

/// The first 128 bits of a document's SHA-256.
struct Fingerprint: Sendable, Hashable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    init(of text: UnsafeRawBufferPointer) {
        let hash = SHA256.hash(text)
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: word(hash[..<8]), low: word(hash[8..<16]))
    }

    /// A number in [0, 1) that depends on content, seed and salt.
    func fraction(seed: UInt64, salt: UInt64) -> Double {
        Double(SplitMix64.mix(high ^ SplitMix64.mix(seed &* 4 &+ salt)) >> 11) / Double(UInt64(1) << 53)
    }
}

/// A set of document fingerprints: an open-addressing hash table in a memory-mapped file, which the system can page out, so that
/// the number of documents is not limited by memory. 16 bytes per slot, at most two thirds of the slots used.
///
/// `@unchecked Sendable`: the lock guards the table.
final class FingerprintSet: @unchecked Sendable {
    private let url: URL
    private let lock = Mutex(())
    private var table: UnsafeMutableBufferPointer<Fingerprint>
    /// The number of fingerprints in the table.
    private(set) var count = 0
    /// A zero slot is free, so membership of the all-zero fingerprint is stored separately.
    private var hasZero = false

    /// Creates an empty set. Its file is created at `url` and unlinked immediately.
    ///
    /// - Throws: `FileFailure`, for example if the disk is full.
    init(at url: URL) throws(FileFailure) {
        self.url = url
        table = try Self.makeTable(1 << 16, at: url)
    }

    deinit { Self.free(table) }

    /// Whether the set contains a fingerprint.
    func contains(_ fingerprint: Fingerprint) -> Bool {
        lock.withLock { _ in isZero(fingerprint) ? hasZero : table[slot(of: fingerprint)] == fingerprint }
    }

    /// Adds a fingerprint. Returns false if the set contains it already.
    ///
    /// - Throws: `FileFailure`, for example if the disk is full.
    func insert(_ fingerprint: Fingerprint) throws(FileFailure) -> Bool {
        try lock.withLock { _ in Result { () throws(FileFailure) in try insertLocked(fingerprint) } }.get()
    }

    private func insertLocked(_ fingerprint: Fingerprint) throws(FileFailure) -> Bool {
        if isZero(fingerprint) {
            defer { hasZero = true }
            return !hasZero
        }
        if (count + 1) * 3 > table.count * 2 {
            let old = table
            table = try Self.makeTable(old.count * 2, at: url)
            for member in old where !isZero(member) { table[slot(of: member)] = member }
            Self.free(old)
        }
        let slot = slot(of: fingerprint)
        guard table[slot] != fingerprint else { return false }
        table[slot] = fingerprint
        count += 1
        return true
    }

    private func isZero(_ fingerprint: Fingerprint) -> Bool { fingerprint.high == 0 && fingerprint.low == 0 }

    /// The slot of a fingerprint, or the free slot for it.
    private func slot(of fingerprint: Fingerprint) -> Int {
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: fingerprint.low) & mask
        while table[slot] != fingerprint, !isZero(table[slot]) { slot = (slot + 1) & mask }
        return slot
    }

    private static func makeTable(_ count: Int, at url: URL) throws(FileFailure) -> UnsafeMutableBufferPointer<
        Fingerprint
    > {
        unlink(url.path)
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure(action: "write", code: errno) }
        defer { close(descriptor) }
        unlink(url.path)
        let bytes = count * MemoryLayout<Fingerprint>.stride
        // Allocates disk space; otherwise a full disk would kill the process at the first access to a page.
        let code = posix_fallocate(descriptor, 0, off_t(bytes))
        guard code == 0 else { throw FileFailure(action: "write", code: code) }
        guard let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), address != MAP_FAILED
        else {
            throw FileFailure(action: "map", code: errno)
        }
        let memory = address.bindMemory(to: Fingerprint.self, capacity: count)
        return UnsafeMutableBufferPointer(start: memory, count: count)
    }

    private static func free(_ table: UnsafeMutableBufferPointer<Fingerprint>) {
        munmap(table.baseAddress, table.count * MemoryLayout<Fingerprint>.stride)
    }
}
