import ForetokenFiles
public import ForetokenPlatform
import Synchronization

/// A memory-mapped file of `torch.save` with a dictionary of tensors: a `dict`, an `OrderedDict` or a `state_dict()`. Nothing
/// in the file is ever executed.
///
/// Archive and pickle are read and validated on opening, in time and memory linear in their size. A tensor's bytes are read from
/// disk when accessed, and then verified against the archive's checksum (files written with
/// `torch.serialization.set_crc32_options(False)` have none).
public final class TorchFile: Sendable {
    /// The file.
    public let url: URL

    /// The tensors by name.
    public let tensors: [String: TorchFileEntry]

    /// The names in the dictionary's order.
    public let names: [String]

    private let mapping: FileMapping
    private let records: [String: ZipArchive.Entry]
    private let verified = Mutex<Set<String>>([])

    private static let pickleName = "data.pkl"

    /// Opens and validates a file.
    ///
    /// - Throws: ``TorchFileError``.
    public init(contentsOf url: URL) throws(TorchFileError) {
        let file = url.relativePath
        let mapping: FileMapping
        do throws(FileFailure) {
            mapping = try FileMapping(of: url)
        } catch {
            throw .cannotRead(file: file, reason: error.reason)
        }
        let bytes = mapping.bytes
        try Self.refuseOtherKinds(bytes, file: file)
        let records = try Self.records(of: ZipArchive(bytes, file: file), file: file)
        func contents(_ name: String, limit: Int) throws(TorchFileError) -> UnsafeRawBufferPointer? {
            guard let record = records[name] else { return nil }
            guard record.range.count <= limit else {
                throw .damagedArchive(
                    file: file, record: name,
                    problem: "it takes \(record.range.count) bytes, more than the limit of \(limit)")
            }
            let contents = UnsafeRawBufferPointer(rebasing: bytes[record.range])
            guard record.checksum == 0 || CRC32.of(contents) == record.checksum else {
                throw .wrongChecksum(file: file, record: name)
            }
            return contents
        }
        if let order = try contents("byteorder", limit: 16), !order.elementsEqual("little".utf8) {
            throw .notATorchFile(file: file, reason: "it was written on a machine with another byte order")
        }
        guard let version = try contents("version", limit: 16),
            let number = version.text(0, version.count).flatMap({ Int($0.filter { !$0.isNewline }) }),
            (1...10).contains(number)
        else { throw .notATorchFile(file: file, reason: "it has no format version between 1 and 10") }
        guard let pickle = try contents(Self.pickleName, limit: PickleMachine.sizeLimit) else {
            throw .notATorchFile(file: file, reason: "the zip archive has no data.pkl")
        }

        var machine = PickleMachine(pickle, file: file)
        let named = try machine.run()
        var tensors: [String: TorchFileEntry] = [:]
        var types: [String: DType] = [:]
        for (name, index) in named {
            let tensor = machine.tensors[index]
            let storage = machine.storages[tensor.storage]
            let record = "data/\(storage.key)"
            guard let found = records[record] else {
                throw .invalidTensor(
                    file: file, tensor: name,
                    problem: "its storage \(storage.key.quotedForMessage()) is not in the archive")
            }
            let (byteCount, overflow) = storage.count.multipliedReportingOverflow(by: storage.dtype.byteCount)
            guard !overflow, byteCount == found.range.count else {
                throw .invalidTensor(
                    file: file, tensor: name,
                    problem: "its storage of \(storage.count) \(storage.dtype) holds \(found.range.count) bytes")
            }
            guard types.updateValue(storage.dtype, forKey: record) ?? storage.dtype == storage.dtype else {
                throw .invalidTensor(
                    file: file, tensor: name, problem: "another tensor reads its storage as another type")
            }
            switch TorchFileEntry.checked(
                name: name, dtype: storage.dtype, shape: tensor.shape, strides: tensor.strides, offset: tensor.offset,
                record: record, capacity: storage.count)
            {
            case .success(let entry): tensors[name] = entry
            case .failure(let problem): throw .invalidTensor(file: file, tensor: name, problem: problem.text)
            }
        }
        for record in records.keys.sorted() where record.hasPrefix("data/") && types[record] == nil {
            throw .damagedArchive(file: file, record: record, problem: "it belongs to no tensor")
        }
        self.url = url
        self.mapping = mapping
        self.records = records
        self.tensors = tensors
        names = named.map(\.name)
    }

    /// Rejects other kinds of files with a helpful message.
    private static func refuseOtherKinds(_ bytes: UnsafeRawBufferPointer, file: String) throws(TorchFileError) {
        if bytes.isEmpty { throw .notATorchFile(file: file, reason: "it is empty") }
        if bytes[0] == 0x80 {
            throw .notATorchFile(
                file: file,
                reason:
                    "it is a pickle without an archive, as written by torch before 1.6; load it with torch and save it again"
            )
        }
        guard bytes.number(UInt32.self, at: 0) == ZipArchive.Signature.local else {
            throw .notATorchFile(file: file, reason: "it is not a zip archive")
        }
    }

    /// The records, by their names relative to the archive's single folder.
    private static func records(of archive: ZipArchive, file: String) throws(TorchFileError) -> [String: ZipArchive
        .Entry]
    {
        let folder = archive.entries.first?.name.prefix { $0 != "/" } ?? ""
        var records: [String: ZipArchive.Entry] = [:]
        for entry in archive.entries {
            guard entry.name.hasPrefix(folder + "/") else {
                throw .damagedArchive(
                    file: file, record: entry.name, problem: "outside the folder \(String(folder).quotedForMessage())")
            }
            let name = String(entry.name.dropFirst(folder.count + 1))
            guard !name.hasPrefix("code/"), name != "constants.pkl" else {
                throw .notATorchFile(
                    file: file, reason: "it is a TorchScript program; save its state_dict() with torch.save")
            }
            let isKnown =
                [pickleName, "version", "byteorder"].contains(name) || name.hasPrefix("data/") || name.hasPrefix(".")
            guard isKnown else {
                throw .damagedArchive(file: file, record: entry.name, problem: "not a record that torch.save writes")
            }
            records[name] = entry
        }
        return records
    }

    /// The description of a tensor.
    ///
    /// - Throws: ``TorchFileError/noSuchTensor(file:tensor:)``.
    public func entry(_ name: String) throws(TorchFileError) -> TorchFileEntry {
        guard let entry = tensors[name] else { throw .noSuchTensor(file: url.relativePath, tensor: name) }
        return entry
    }

    /// Calls `body` with a tensor's bytes, little-endian and row-major: the mapped file itself if the tensor is contiguous,
    /// otherwise a temporary copy.
    ///
    /// - Throws: ``TorchFileError``, and errors of `body`.
    public func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let entry = try entry(name)
        return try withExtendedLifetime(mapping) {
            let storage = try storage(entry.record)
            guard entry.isContiguous else { return try entry.gathered(from: storage).withUnsafeBytes(body) }
            let start = entry.offset * entry.dtype.byteCount
            return try body(UnsafeRawBufferPointer(rebasing: storage[start..<(start + entry.byteCount)]))
        }
    }

    /// A record's bytes, after verifying their checksum.
    private func storage(_ name: String) throws(TorchFileError) -> UnsafeRawBufferPointer {
        guard let record = records[name] else {
            throw .damagedArchive(file: url.relativePath, record: name, problem: "it is missing")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: mapping.bytes[record.range])
        if record.checksum != 0, !verified.withLock({ $0.contains(name) }) {
            guard CRC32.of(bytes) == record.checksum else {
                throw .wrongChecksum(file: url.relativePath, record: name)
            }
            verified.withLock { _ = $0.insert(name) }
        }
        return bytes
    }
}
