import ForetokenFiles
public import ForetokenPlatform

/// A memory-mapped safetensors file: the header is read and validated on opening, tensors are read from disk when accessed.
///
/// Every rule of the format is enforced (see ``SafetensorsError``), so each tensor's bytes are inside the file and match its
/// type and shape. The elements' values are not checked.
public final class SafetensorsFile: Sendable {
    /// The file.
    public let url: URL

    /// The tensors by name.
    public let tensors: [String: SafetensorsEntry]

    /// The names in the order of their bytes in the file.
    public let names: [String]

    /// The file's text metadata; Hugging Face's files contain `format: pt`.
    public let metadata: [String: String]

    /// Total size of all tensors in bytes.
    public let byteCount: Int

    private let mapping: FileMapping
    private let dataStart: Int

    /// Opens and validates a file.
    ///
    /// Time and memory are linear in the header's size and independent of the tensors' size.
    ///
    /// - Throws: ``SafetensorsError``.
    public init(contentsOf url: URL) throws(SafetensorsError) {
        let file = url.relativePath
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url)
        } catch {
            throw .cannotRead(file: file, reason: error.reason)
        }
        let bytes = mapping.bytes
        guard bytes.count >= 8 else { throw .tooShort(file: file, bytes: bytes.count) }
        let declared = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard declared <= UInt64(SafetensorsHeader.sizeLimit) else {
            throw .headerTooLarge(file: file, declared: declared, limit: SafetensorsHeader.sizeLimit)
        }
        let headerCount = Int(declared)
        guard headerCount <= bytes.count - 8 else {
            throw .headerBeyondEnd(file: file, declared: headerCount, bytes: bytes.count)
        }
        let dataStart = 8 + headerCount
        let header = try SafetensorsHeader(
            parsing: UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]),
            dataByteCount: bytes.count - dataStart, file: file)

        self.url = url
        self.mapping = mapping
        self.dataStart = dataStart
        byteCount = bytes.count - dataStart
        metadata = header.metadata
        names = header.entries.map(\.name)
        // The parser has rejected duplicates, so this closure is never called.
        tensors = Dictionary(header.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The description of a tensor.
    ///
    /// - Throws: ``SafetensorsError/noSuchTensor(file:tensor:)``.
    public func entry(_ name: String) throws(SafetensorsError) -> SafetensorsEntry {
        guard let entry = tensors[name] else { throw .noSuchTensor(file: url.relativePath, tensor: name) }
        return entry
    }

    /// Calls `body` with a tensor's bytes, little-endian and row-major.
    ///
    /// The bytes are the mapped file: writing to them is a segmentation fault, and their address need not be aligned to the
    /// element size, since the format forbids padding between tensors. They stay valid as long as this object lives, so a
    /// tensor that keeps the file alive can use them without a copy.
    ///
    /// - Throws: ``SafetensorsError/noSuchTensor(file:tensor:)``, and errors of `body`.
    public func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let range = try entry(name).byteRange
        return try withExtendedLifetime(mapping) {
            let bytes = mapping.bytes[(dataStart + range.lowerBound)..<(dataStart + range.upperBound)]
            return try body(UnsafeRawBufferPointer(rebasing: bytes))
        }
    }
}
