import ForetokenFiles

/// Writes a zip archive of stored records in the layout of torch's own writer: aligned records followed by data descriptors,
/// zip64 fields if needed, and always a zip64 end.
struct ZipWriter {
    /// torch aligns storages so that it can map them into memory.
    private static let alignment = 64

    private let writer: AtomicFileWriter
    private var directory: [UInt8] = []
    private var count = 0

    init(_ writer: AtomicFileWriter) { self.writer = writer }

    /// Appends a record of a known size, whose bytes are provided in pieces.
    ///
    /// - Parameter forEachPiece: calls its argument with the bytes in order, `size` bytes in total.
    mutating func append(
        _ name: String, size: Int, forEachPiece: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let header = writer.bytesAppended
        // Whether the sizes, or the record's offset, need 64 bits.
        let (isLarge, isFar) = (size >= Int(UInt32.max), header >= Int(UInt32.max))
        let flags = ZipArchive.hasDescriptor | ZipArchive.isUTF8
        var sizes: [UInt8] = []
        if isLarge {
            sizes.append(littleEndian: UInt16(1))
            sizes.append(littleEndian: UInt16(16))
            for _ in 0..<2 { sizes.append(littleEndian: UInt64(size)) }
        }
        let unpadded = header + 30 + name.utf8.count + sizes.count + 4
        let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment

        var local: [UInt8] = []
        local.append(littleEndian: ZipArchive.Signature.local)
        local.append(littleEndian: isLarge ? UInt16(45) : 0)
        local.append(littleEndian: flags)
        local += [UInt8](repeating: 0, count: 10)
        for _ in 0..<2 { local.append(littleEndian: isLarge ? UInt32.max : 0) }
        local.append(littleEndian: UInt16(name.utf8.count))
        local.append(littleEndian: UInt16(sizes.count + 4 + padding))
        local += name.utf8
        local += sizes
        local += Array("FB".utf8)
        local.append(littleEndian: UInt16(padding))
        local += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        try writer.append(local)

        var sum = CRC32()
        try forEachPiece { piece in
            sum.append(piece)
            try writer.append(piece)
        }
        var descriptor: [UInt8] = []
        descriptor.append(littleEndian: ZipArchive.Signature.descriptor)
        descriptor.append(littleEndian: sum.value)
        for _ in 0..<2 {
            if isLarge {
                descriptor.append(littleEndian: UInt64(size))
            } else {
                descriptor.append(littleEndian: UInt32(size))
            }
        }
        try writer.append(descriptor)

        var wide: [UInt8] = []
        if isLarge { for _ in 0..<2 { wide.append(littleEndian: UInt64(size)) } }
        if isFar { wide.append(littleEndian: UInt64(header)) }
        directory.append(littleEndian: ZipArchive.Signature.central)
        for _ in 0..<2 { directory.append(littleEndian: UInt16(45)) }
        directory.append(littleEndian: flags)
        directory += [UInt8](repeating: 0, count: 6)
        directory.append(littleEndian: sum.value)
        for _ in 0..<2 { directory.append(littleEndian: isLarge ? UInt32.max : UInt32(size)) }
        directory.append(littleEndian: UInt16(name.utf8.count))
        directory.append(littleEndian: UInt16(wide.isEmpty ? 0 : wide.count + 4))
        directory += [UInt8](repeating: 0, count: 10)
        directory.append(littleEndian: isFar ? UInt32.max : UInt32(header))
        directory += name.utf8
        if !wide.isEmpty {
            directory.append(littleEndian: UInt16(1))
            directory.append(littleEndian: UInt16(wide.count))
            directory += wide
        }
        count += 1
    }

    /// Appends a record held in memory.
    mutating func append(_ name: String, _ bytes: [UInt8]) throws {
        try append(name, size: bytes.count) { write in try bytes.withUnsafeBytes(write) }
    }

    /// Writes the directory and commits the file.
    func finish() throws {
        let start = writer.bytesAppended
        var end = directory
        let end64 = start + directory.count
        end.append(littleEndian: ZipArchive.Signature.end64)
        end.append(littleEndian: UInt64(44))
        for _ in 0..<2 { end.append(littleEndian: UInt16(45)) }
        end.append(littleEndian: UInt64(0))
        for _ in 0..<2 { end.append(littleEndian: UInt64(count)) }
        end.append(littleEndian: UInt64(directory.count))
        end.append(littleEndian: UInt64(start))
        end.append(littleEndian: ZipArchive.Signature.locator64)
        end.append(littleEndian: UInt32(0))
        end.append(littleEndian: UInt64(end64))
        end.append(littleEndian: UInt32(1))
        end.append(littleEndian: ZipArchive.Signature.end)
        end.append(littleEndian: UInt32(0))
        for _ in 0..<2 { end.append(littleEndian: UInt16(clamping: count)) }
        end.append(littleEndian: UInt32(clamping: directory.count))
        end.append(littleEndian: UInt32(clamping: start))
        end.append(littleEndian: UInt16(0))
        try writer.append(end)
        try writer.commit()
    }
}
