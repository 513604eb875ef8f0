import ForetokenPlatform

/// What this room asks of the operating system.
enum Platform {
    /// Memory that was taken from the system, and what is given back.
    struct Block {
        let bytes: UnsafeMutableRawPointer
        fileprivate let mapped: (start: UnsafeMutableRawPointer, count: Int)?
    }

    private static let alignment = 64
    private static let hugePage = 2 << 20

    /// Zeros. Large blocks are mapped: whoever writes a page first brings it into memory, on its own NUMA node.
    static func allocate(_ count: Int) -> Block? {
        guard count >= 2 * hugePage else {
            var place: UnsafeMutableRawPointer?
            guard posix_memalign(&place, alignment, count) == 0, let place else { return nil }
            place.initializeMemory(as: UInt8.self, repeating: 0, count: count)
            return Block(bytes: place, mapped: nil)
        }
        let (size, overflow) = count.addingReportingOverflow(hugePage)
        guard !overflow, let start = map(size, isReserved: false) else { return nil }
        let address = (Int(bitPattern: start) + hugePage - 1) / hugePage * hugePage
        let place = start + (address - Int(bitPattern: start))
        #if os(Linux)
            // Weights are read from end to end in every pass: fewer, larger pages cost fewer misses. 14 is MADV_HUGEPAGE.
            _ = madvise(place, count, 14)
        #endif
        return Block(bytes: place, mapped: (start, size))
    }

    static func free(_ block: Block) {
        if let mapped = block.mapped {
            munmap(mapped.start, mapped.count)
            return
        }
        systemFree(block.bytes)
    }

    /// Bytes that this process can have at most: the machine's, or its control group's if that is less; nil where neither is known.
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

    /// Bytes that the machine has left; nil where that cannot be known. Linux promises memory that it does not have and later
    /// kills the process that uses it.
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
        /// The lines of a short file of the kernel's; none where it is not there.
        private static func lines(of path: String) -> [Substring] {
            guard let file = fopen(path, "r") else { return [] }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 14)
            let count = fread(&bytes, 1, bytes.count, file)
            return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
        }
    #endif

    /// Addresses only: memory comes with the first touch, and is not promised.
    static func reserve(_ bytes: Int) -> UnsafeMutableRawPointer? { map(bytes, isReserved: true) }

    private static func map(_ bytes: Int, isReserved: Bool) -> UnsafeMutableRawPointer? {
        #if os(Linux)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | (isReserved ? MAP_NORESERVE : 0)
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        let place = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        return place == MAP_FAILED ? nil : place
    }

    static func release(_ place: UnsafeMutableRawPointer, _ bytes: Int) { munmap(place, bytes) }
}

/// The system's `free`, where a method has its name.
private func systemFree(_ place: UnsafeMutableRawPointer) { free(place) }
