import ForetokenFiles
public import ForetokenPlatform

/// Writes safetensors files by streaming: only the header and a small buffer are held in memory.
public enum SafetensorsWriter {
    /// Writes the tensors in the given order to a file, atomically: temporary name, sync, rename.
    ///
    /// The reference implementation orders tensors by decreasing element size, then name. Only such an order keeps every tensor
    /// aligned to its element size in a file of mixed types, since the format allows no padding between tensors. The header is
    /// padded to a multiple of eight bytes, as in the reference.
    ///
    /// - Parameters:
    ///   - url: The file to write; an existing one is replaced.
    ///   - tensors: The tensors in order. Names must be unique and not `__metadata__`.
    ///   - metadata: Text metadata, written in the order of the keys.
    /// - Returns: The size of the file in bytes.
    /// - Throws: ``SafetensorsError``, and errors of the tensors' closures.
    @discardableResult
    public static func write(
        to url: URL, tensors: [SafetensorsSource], metadata: [String: String] = [:]
    ) throws -> Int {
        try write(to: url, tensors: tensors, metadata: metadata) { (url) throws(FileFailure) in
            try AtomicFileWriter(destination: url)
        }
    }

    /// Writes with the given file writer; tests use it to simulate a full disk.
    static func write(
        to url: URL, tensors: [SafetensorsSource], metadata: [String: String],
        opening: (URL) throws(FileFailure) -> AtomicFileWriter
    ) throws -> Int {
        let file = url.relativePath
        let entries = try layOut(tensors, file: file)
        let header = SafetensorsHeader.text(entries: entries, metadata: metadata)
        let headerCount = header.utf8.count
        guard headerCount <= SafetensorsHeader.sizeLimit else {
            throw SafetensorsError.headerTooLarge(
                file: file, declared: UInt64(headerCount), limit: SafetensorsHeader.sizeLimit)
        }
        let (total, overflow) = (entries.last?.byteRange.upperBound ?? 0).addingReportingOverflow(8 + headerCount)
        guard !overflow else { throw SafetensorsError.fileTooLarge(file: file) }

        do {
            let writer = try opening(url)
            try withUnsafeBytes(of: UInt64(headerCount).littleEndian) { try writer.append($0) }
            try writer.append(header)
            for (source, entry) in zip(tensors, entries) {
                try append(source, entry: entry, to: writer, file: file)
            }
            try writer.commit()
        } catch let failure as FileFailure {
            throw SafetensorsError.cannotWrite(
                file: file, action: failure.action, written: failure.bytesWritten, total: total,
                reason: failure.reason)
        }
        return total
    }

    /// Lays out the tensors one after another; throws for anything that would make the file unreadable.
    static func layOut(_ tensors: [SafetensorsSource], file: String) throws(SafetensorsError) -> [SafetensorsEntry] {
        var entries: [SafetensorsEntry] = []
        entries.reserveCapacity(tensors.count)
        var names: Set<String> = []
        var end = 0
        for tensor in tensors {
            guard tensor.name != SafetensorsHeader.metadataKey else {
                throw .reservedName(file: file, tensor: tensor.name)
            }
            guard names.insert(tensor.name).inserted else {
                throw .duplicateTensor(file: file, tensor: tensor.name)
            }
            guard tensor.shape.count <= SafetensorsHeader.rankLimit,
                let byteCount = tensor.dtype.byteCount(shape: tensor.shape)
            else {
                throw .impossibleShape(file: file, tensor: tensor.name, dtype: tensor.dtype, shape: tensor.shape)
            }
            let (next, overflow) = end.addingReportingOverflow(byteCount)
            guard !overflow else { throw .fileTooLarge(file: file) }
            entries.append(
                SafetensorsEntry(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, byteRange: end..<next))
            end = next
        }
        return entries
    }

    private static func append(
        _ source: SafetensorsSource, entry: SafetensorsEntry, to writer: AtomicFileWriter, file: String
    ) throws {
        var provided = 0
        try source.forEachPiece { piece in
            provided += piece.count
            // Stops a closure that never ends before the disk is full.
            guard provided <= entry.byteCount else { throw wrongCount() }
            try writer.append(piece)
        }
        guard provided == entry.byteCount else { throw wrongCount() }

        func wrongCount() -> SafetensorsError {
            .wrongByteCount(
                file: file, tensor: entry.name, dtype: entry.dtype, shape: entry.shape, expected: entry.byteCount,
                found: provided)
        }
    }
}
