/// A zip archive as written by `torch.save`: stored records one after another, then the central directory.
///
/// Stricter than the format (PKWARE's APPNOTE 6.3.10): records must not be compressed or encrypted, and must cover the file from
/// its first byte to the directory without gaps or overlaps. Each record's local header must agree with the directory, so that no
/// two readers can see different archives in one file.
struct ZipArchive {
    /// One record.
    struct Entry {
        let name: String
        /// The checksum of its bytes; 0 in files written with `set_crc32_options(False)`.
        let checksum: UInt32
        /// The range of its bytes in the file.
        let range: Range<Int>
        /// The offset of its local header.
        fileprivate let header: Int
    }

    enum Signature {
        static let local: UInt32 = 0x0403_4B50
        static let descriptor: UInt32 = 0x0807_4B50
        static let central: UInt32 = 0x0201_4B50
        static let end: UInt32 = 0x0605_4B50
        static let end64: UInt32 = 0x0606_4B50
        static let locator64: UInt32 = 0x0706_4B50
    }

    /// The flag for a record whose sizes and checksum follow its bytes in a data descriptor.
    static let hasDescriptor: UInt16 = 1 << 3
    /// The flag for a UTF-8 name.
    static let isUTF8: UInt16 = 1 << 11

    /// The records in the order of their bytes.
    let entries: [Entry]

    /// Reads and validates the directory and the local headers, not the records' bytes.
    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(TorchFileError) {
        let reader = ZipReader(bytes: bytes, file: file)
        let directory = try reader.directory()
        let central = try reader.centralEntries(directory).sorted { $0.header < $1.header }
        var names: Set<String> = []
        var entries: [Entry] = []
        entries.reserveCapacity(central.count)
        for (index, entry) in central.enumerated() {
            guard names.insert(entry.name).inserted else { throw reader.damage("duplicate name", entry.name) }
            let end = index + 1 < central.count ? central[index + 1].header : directory.range.lowerBound
            guard index > 0 || entry.header == 0 else {
                throw reader.damage("bytes before it belong to no record", entry.name)
            }
            entries.append(
                Entry(
                    name: entry.name, checksum: entry.checksum, range: try reader.data(of: entry, before: end),
                    header: entry.header))
        }
        self.entries = entries
    }
}

/// Reads the structures of an archive.
private struct ZipReader {
    let bytes: UnsafeRawBufferPointer
    let file: String

    /// A record's entry in the central directory.
    struct Central {
        let name: String
        let flags: UInt16
        let checksum: UInt32
        let size: Int
        let header: Int
    }

    func damage(_ problem: String, _ record: String? = nil) -> TorchFileError {
        .damagedArchive(file: file, record: record, problem: problem)
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type, _ offset: Int
    ) throws(TorchFileError) -> Number {
        guard let number = bytes.number(type, at: offset) else { throw damage("the archive ends too early") }
        return number
    }

    private func offset(_ position: Int) throws(TorchFileError) -> Int {
        guard let offset = Int(exactly: try number(UInt64.self, position)) else {
            throw damage("an offset beyond the end of the file")
        }
        return offset
    }

    /// Reads the range of the directory and its number of records from the end of the archive.
    func directory() throws(TorchFileError) -> (range: Range<Int>, count: Int) {
        let end = bytes.count - 22
        guard let signature = bytes.number(UInt32.self, at: end), signature == ZipArchive.Signature.end else {
            throw damage("the zip archive has no end: it is truncated, or something was appended to it")
        }
        for disk in [4, 6] where try number(UInt16.self, end + disk) != 0 {
            throw damage("multi-part archives are not supported")
        }
        let (here, total) = (try number(UInt16.self, end + 8), try number(UInt16.self, end + 10))
        let (size32, start32) = (try number(UInt32.self, end + 12), try number(UInt32.self, end + 16))
        guard here == total, try number(UInt16.self, end + 20) == 0 else {
            throw damage("the archive's end is damaged")
        }
        var (count, size, start, tail) = (Int(total), Int(size32), Int(start32), end)
        if bytes.number(UInt32.self, at: end - 20) == ZipArchive.Signature.locator64 {
            tail = end - 76
            guard try number(UInt32.self, end - 16) == 0, try offset(end - 12) == tail,
                try number(UInt32.self, end - 4) == 1,
                try number(UInt32.self, tail) == ZipArchive.Signature.end64, try offset(tail + 4) == 44,
                try number(UInt64.self, tail + 16) == 0
            else { throw damage("the archive's zip64 end is damaged") }
            (count, size, start) = (try offset(tail + 32), try offset(tail + 40), try offset(tail + 48))
            guard try offset(tail + 24) == count, total == .max || Int(total) == count,
                size32 == .max || Int(size32) == size, start32 == .max || Int(start32) == start
            else { throw damage("the archive's two ends disagree") }
        }
        guard size <= tail, start == tail - size, count <= size / 46 else {
            throw damage("the archive's directory does not lie before its end")
        }
        return (start..<tail, count)
    }

    /// The directory's entries in its own order.
    func centralEntries(_ directory: (range: Range<Int>, count: Int)) throws(TorchFileError) -> [Central] {
        var entries: [Central] = []
        entries.reserveCapacity(directory.count)
        var position = directory.range.lowerBound
        for _ in 0..<directory.count {
            guard try number(UInt32.self, position) == ZipArchive.Signature.central else {
                throw damage("the archive's directory is damaged")
            }
            let nameLength = Int(try number(UInt16.self, position + 28))
            let extraLength = Int(try number(UInt16.self, position + 30))
            let end = position + 46 + nameLength + extraLength + Int(try number(UInt16.self, position + 32))
            guard end <= directory.range.upperBound, nameLength > 0, let name = bytes.text(position + 46, nameLength)
            else { throw damage("the archive's directory has a damaged name") }
            let flags = try number(UInt16.self, position + 8)
            guard flags & ~(ZipArchive.hasDescriptor | ZipArchive.isUTF8) == 0 else {
                throw damage("encrypted, or with other flags that torch does not use", name)
            }
            guard try number(UInt16.self, position + 10) == 0 else { throw damage("compressed", name) }
            guard try number(UInt16.self, position + 34) == 0 else {
                throw damage("in another part of the archive", name)
            }
            let fields = try [position + 24, position + 20, position + 42].map { (field) throws(TorchFileError) in
                try number(UInt32.self, field)
            }
            let numbers = try zip64(
                fields, at: position + 46 + nameLength, length: extraLength, record: name)
            guard numbers[0] == numbers[1] else { throw damage("stored, but with two different sizes", name) }
            entries.append(
                Central(
                    name: name, flags: flags, checksum: try number(UInt32.self, position + 16), size: numbers[0],
                    header: numbers[2]))
            position = end
        }
        guard position == directory.range.upperBound else {
            throw damage("the archive's directory continues after its entries")
        }
        return entries
    }

    /// Returns 32-bit fields, with those that are all ones replaced by values of the zip64 extra field, which has them in this
    /// order.
    private func zip64(
        _ fields: [UInt32], at start: Int, length: Int, record: String
    ) throws(TorchFileError) -> [Int] {
        var (position, end) = (start, start + length)
        var wide = start..<start
        while position < end {
            let (id, size) = (try number(UInt16.self, position), Int(try number(UInt16.self, position + 2)))
            guard size <= end - position - 4 else { throw damage("an extra field without an end", record) }
            if id == 1 { wide = (position + 4)..<(position + 4 + size) }
            position += 4 + size
        }
        end = wide.upperBound
        position = wide.lowerBound
        var numbers: [Int] = []
        for field in fields {
            guard field == .max else {
                numbers.append(Int(field))
                continue
            }
            guard end - position >= 8 else { throw damage("a zip64 size is missing", record) }
            numbers.append(try offset(position))
            position += 8
        }
        return numbers
    }

    /// Returns the range of a record's bytes, after checking that its local header and data descriptor agree with the directory
    /// and end where the next record begins.
    func data(of entry: Central, before end: Int) throws(TorchFileError) -> Range<Int> {
        let header = entry.header
        guard header <= end, try number(UInt32.self, header) == ZipArchive.Signature.local,
            try number(UInt16.self, header + 6) == entry.flags, try number(UInt16.self, header + 8) == 0
        else { throw damage("its local header does not match the directory", entry.name) }
        let (nameLength, extraLength) = (
            Int(try number(UInt16.self, header + 26)), Int(try number(UInt16.self, header + 28))
        )
        guard bytes.text(header + 30, nameLength) == entry.name else {
            throw damage("its local header has another name", entry.name)
        }
        let hasDescriptor = entry.flags & ZipArchive.hasDescriptor != 0
        let checksum = try number(UInt32.self, header + 14)
        let sizes = [try number(UInt32.self, header + 22), try number(UInt32.self, header + 18)]
        let numbers = try zip64(sizes, at: header + 30 + nameLength, length: extraLength, record: entry.name)
        guard checksum == entry.checksum || hasDescriptor && checksum == 0,
            numbers.allSatisfy({ $0 == entry.size || hasDescriptor && $0 == 0 })
        else { throw damage("its local header has another size or checksum", entry.name) }

        let start = header + 30 + nameLength + extraLength
        guard start <= end, entry.size <= end - start else {
            throw damage("its \(entry.size) bytes overlap the next record", entry.name)
        }
        let after = start + entry.size
        guard end - after == (hasDescriptor ? (try descriptorLength(of: entry, at: after, before: end)) : 0) else {
            throw damage("it does not end where the next record begins", entry.name)
        }
        return start..<after
    }

    /// Returns the length of the data descriptor after a record's bytes: signature, checksum and twice the size, in 32 or 64
    /// bits each.
    private func descriptorLength(of entry: Central, at start: Int, before end: Int) throws(TorchFileError) -> Int {
        guard [16, 24].contains(end - start), try number(UInt32.self, start) == ZipArchive.Signature.descriptor,
            try number(UInt32.self, start + 4) == entry.checksum
        else { throw damage("its data descriptor does not have its checksum", entry.name) }
        let isWide = end - start == 24
        for index in 0..<2 {
            let size = isWide ? try offset(start + 8 + 8 * index) : Int(try number(UInt32.self, start + 8 + 4 * index))
            guard size == entry.size else { throw damage("its data descriptor has another size", entry.name) }
        }
        return end - start
    }
}
