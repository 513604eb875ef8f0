import ForetokenPlatform

/// Memory functions of the operating system.
enum Platform {
    /// An allocation, with the mapping to release if it is mapped.
    struct Block {
        let bytes: UnsafeMutableRawPointer
        fileprivate let mapped: (start: UnsafeMutableRawPointer, count: Int)?
    }

    private static let alignment = 64
    private static let hugePage = 2 << 20

    /// Allocates zeroed memory. Large blocks are mapped, so that each page lands on the NUMA node of the thread that first
    /// writes to it.
    static func allocate(_ count: Int) -> Block? {
        guard count >= 2 * hugePage else {
            var bytes: UnsafeMutableRawPointer?
            guard posix_memalign(&bytes, alignment, count) == 0, let bytes else { return nil }
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: count)
            return Block(bytes: bytes, mapped: nil)
        }
        let (size, overflow) = count.addingReportingOverflow(hugePage)
        guard !overflow, let start = map(size, isReserved: false) else { return nil }
        let address = (Int(bitPattern: start) + hugePage - 1) / hugePage * hugePage
        let bytes = start + (address - Int(bitPattern: start))
        #if os(Linux)
            // Every pass reads the weights from end to end; huge pages cause fewer TLB misses. 14 is MADV_HUGEPAGE.
            _ = madvise(bytes, count, 14)
        #endif
        return Block(bytes: bytes, mapped: (start, size))
    }

    static func free(_ block: Block) {
        if let mapped = block.mapped {
            munmap(mapped.start, mapped.count)
            return
        }
        systemFree(block.bytes)
    }

    /// Memory limit of this process in bytes: the smaller of the machine's memory and the control group's limit; nil if
    /// unknown.
    static func memoryLimit() -> Int? {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        var limit = pages > 0 && size > 0 ? pages * size : Int.max
        #if os(Linux)
            if let group = lines(of: "/sys/fs/cgroup/memory.max").first.flatMap({ Int($0) }) {
                limit = min(limit, group)
            }
        #endif
        return limit == .max ? nil : limit
    }

    /// Available memory of the machine in bytes; nil if unknown. Linux overcommits: an allocation beyond this succeeds, and the
    /// process is killed when it uses the memory.
    static func availableMemory() -> Int? {
        #if os(Linux)
            var bytes = 0
            for line in lines(of: "/proc/meminfo") {
                let words = line.split(separator: " ")
                guard words.count >= 2, ["MemAvailable:", "SwapFree:"].contains(words[0]) else { continue }
                bytes += (Int(words[1]) ?? 0) << 10
            }
            return bytes > 0 ? bytes : nil
        #else
            return nil
        #endif
    }

    #if os(Linux)
        /// The lines of a short file in /proc or /sys; empty if it does not exist.
        private static func lines(of path: String) -> [Substring] {
            guard let file = fopen(path, "r") else { return [] }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 14)
            let count = fread(&bytes, 1, bytes.count, file)
            return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
        }
    #endif

    /// Reserves address space; memory is committed at first touch.
    static func reserve(_ bytes: Int) -> UnsafeMutableRawPointer? { map(bytes, isReserved: true) }

    private static func map(_ bytes: Int, isReserved: Bool) -> UnsafeMutableRawPointer? {
        #if os(Linux)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | (isReserved ? MAP_NORESERVE : 0)
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        return start == MAP_FAILED ? nil : start
    }

    static func release(_ start: UnsafeMutableRawPointer, _ bytes: Int) { munmap(start, bytes) }
}

/// Outside the enum, where `free` would name its own method.
private func systemFree(_ bytes: UnsafeMutableRawPointer) { free(bytes) }
