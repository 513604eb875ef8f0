import ForetokenFiles
package import ForetokenPlatform

/// A GGUF file, version 2 or 3, little-endian, mapped into memory (ggml/docs/gguf.md).
///
/// Opening reads and checks the whole header: types, lengths, names used once, and for each tensor that its bytes lie in the file,
/// aligned and apart from the others'. Metadata values stay in the file until they are asked for. Nothing is trusted: no length
/// of the file makes memory that is not in proportion to the file, and no input ends the program.
package final class GGUFFile: Sendable {
    /// A tensor's description.
    package struct Entry: Sendable {
        package let name: String
        /// Sizes of the axes, outermost first, as in PyTorch; empty for a scalar.
        package let shape: [Int]
        package let type: GGUFType
        /// Position in the file.
        package let byteRange: Range<Int>
    }

    package let url: URL
    /// The tensors in the order of their descriptions.
    package let entries: [Entry]
    /// The metadata keys in order; one that is not UTF-8 shows U+FFFD.
    package let keys: [String]
    let values: [[UInt8]: GGUFScanner.Value]
    private let positions: [String: Int]
    /// Keeps ``contents`` alive.
    private let owner: any AnyObject & Sendable
    private nonisolated(unsafe) let contents: UnsafeRawBufferPointer

    /// The largest number of dimensions (`GGML_MAX_DIMS`).
    static let rankLimit = 4

    /// Maps a file and checks its header.
    ///
    /// - Throws: ``GGUFError``.
    package convenience init(contentsOf url: URL) throws(GGUFError) {
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url)
        } catch {
            throw .cannotRead(file: url.relativePath, action: error.action, reason: error.reason)
        }
        try self.init(parsing: mapping.bytes, ownedBy: mapping, url: url)
    }

    /// Checks the header of a file's bytes, which are never written and which `owner` keeps alive.
    init(
        parsing bytes: UnsafeRawBufferPointer, ownedBy owner: any AnyObject & Sendable, url: URL
    ) throws(GGUFError) {
        (contents, self.owner, self.url) = (bytes, owner, url)
        var scanner = GGUFScanner(bytes, file: url.relativePath)
        let header = try scanner.header()
        (values, keys) = (header.values, header.keys)
        let alignment = try Self.alignment(header.values, scanner)
        let found = try scanner.tensors(count: header.tensorCount, alignment: alignment)
        entries = found
        positions = Dictionary(
            uniqueKeysWithValues: found.enumerated().map { (position, entry) in (entry.name, position) })
    }

    /// The file's path for error messages.
    package var file: String { url.relativePath }

    /// A tensor's description; nil if there is none.
    package func entry(_ name: String) -> Entry? { positions[name].map { entries[$0] } }

    /// Calls `body` with a tensor's bytes as they lie in the file.
    ///
    /// - Throws: ``GGUFError/noSuchTensor(file:tensor:)``, errors of `body`.
    package func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
    {
        guard let entry = entry(name) else { throw GGUFError.noSuchTensor(file: file, tensor: name) }
        return try withExtendedLifetime(owner) {
            try body(UnsafeRawBufferPointer(rebasing: contents[entry.byteRange]))
        }
    }

    /// A scanner over the whole file, for values; the caller keeps the file alive.
    func scanner(at offset: Int) -> GGUFScanner { GGUFScanner(contents, file: file, at: offset) }

    /// `general.alignment`, 32 if missing.
    private static func alignment(
        _ values: [[UInt8]: GGUFScanner.Value], _ scanner: GGUFScanner
    ) throws(GGUFError) -> Int {
        let key = "general.alignment"
        guard let value = values[Array(key.utf8)] else { return 32 }
        var scanner = scanner
        guard value.type == .uint32, let number = try scanner.integer(value), number > 0, number & (number - 1) == 0
        else {
            throw .metadata(file: scanner.file, key: key, reason: "must be a power of two, of type uint32")
        }
        return number
    }
}
