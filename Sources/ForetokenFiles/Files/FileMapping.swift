package import ForetokenPlatform

/// A file mapped read-only into memory, unmapped when the last reference is released.
///
/// The pages come from the page cache on first touch, so the mapping takes no private memory.
/// A file that another program truncates while it is mapped raises SIGBUS at the next touch of a lost page; nothing
/// written by Foretoken is ever truncated in place (see ``AtomicFileWriter``).
///
/// Unchecked because a raw pointer is not Sendable: the bytes behind this one are never written.
package final class FileMapping: @unchecked Sendable {
    /// Every byte of the file.
    package let bytes: UnsafeRawBufferPointer

    /// Maps a regular file; throws ``FileFailure`` when it cannot be opened, is not a regular file or is too large.
    package init(of url: URL, limit: Int = .max) throws(FileFailure) {
        // Without O_NONBLOCK, opening a FIFO would block until there is a writer.
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileFailure(action: "open", code: errno) }
        defer { close(descriptor) }

        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure(action: "examine", code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileFailure(action: "open", reason: "it is not a regular file")
        }
        let count = Int(status.st_size)
        guard count <= limit else {
            throw FileFailure(action: "read", reason: "it holds \(count) bytes, more than the limit of \(limit)")
        }
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw FileFailure(action: "map", code: errno)
        }
        bytes = UnsafeRawBufferPointer(start: address, count: count)
    }

    deinit {
        if let address = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        }
    }
}
