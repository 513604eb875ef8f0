package import ForetokenPlatform

/// An open file, closed with the object.
package final class OpenFile {
    package let descriptor: Int32

    package init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Opens a file or pipe for reading.
    ///
    /// - Throws: ``FileFailure``.
    package init(reading url: URL) throws(FileFailure) {
        descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure(action: "open", code: errno) }
    }

    /// Reads to the end.
    ///
    /// - Throws: ``FileFailure``.
    package func readToEnd() throws(FileFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += buffer.prefix(count)
            } else if errno != EINTR {
                throw FileFailure(action: "read", code: errno)
            }
        }
    }

    /// Writes all bytes at the current position.
    ///
    /// - Throws: ``FileFailure``.
    package func write(_ bytes: [UInt8]) throws(FileFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: $0[written...]))
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw FileFailure(action: "write", code: errno, bytesWritten: written)
            }
        }
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
