import ForetokenFiles
public import ForetokenPlatform
import Synchronization

/// A file of `torch.save` that holds a dictionary of tensors, memory-mapped: a plain `dict`, an `OrderedDict`, or what
/// `state_dict()` gives. Nothing in the file is ever executed.
///
/// The archive and the pickle are read and checked on opening, in time and memory linear in both; a tensor's bytes come from
/// the disk when they are touched, and are checked against the archive's checksum then (files written with
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

    private static let alwaysThere = "data.pkl"

    /// Opens and checks a file.
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
        func contents(_ name: String, most limit: Int) throws(TorchFileError) -> UnsafeRawBufferPointer? {
            guard let record = records[name] else { return nil }
            guard record.range.count <= limit else {
                throw .damagedArchive(
                    file: file, record: name, problem: "of \(record.range.count) bytes, more than allowed")
            }
            let contents = UnsafeRawBufferPointer(rebasing: bytes[record.range])
            guard record.checksum == 0 || CRC32.of(contents) == record.checksum else {
                throw .wrongChecksum(file: file, record: name)
            }
            return contents
        }
        if let order = try contents("byteorder", most: 16), !order.elementsEqual("little".utf8) {
            throw .notATorchFile(file: file, reason: "it was written on a machine of another byte order")
        }
        guard let version = try contents("version", most: 16),
            let number = version.text(0, version.count).flatMap({ Int($0.filter { !$0.isNewline }) }),
            (1...10).contains(number)
        else { throw .notATorchFile(file: file, reason: "it has no format version between 1 and 10") }
        guard let pickle = try contents(Self.alwaysThere, most: PickleMachine.sizeLimit) else {
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

    /// What people take for a zip of torch.
    private static func refuseOtherKinds(_ bytes: UnsafeRawBufferPointer, file: String) throws(TorchFileError) {
        if bytes.isEmpty { throw .notATorchFile(file: file, reason: "it is empty") }
        if bytes[0] == 0x80 {
            throw .notATorchFile(
                file: file,
                reason: "it is a bare pickle, as torch wrote before 1.6; load it with torch and save it again")
        }
        guard bytes.number(UInt32.self, at: 0) == ZipArchive.Signature.local else {
            throw .notATorchFile(file: file, reason: "it is no zip archive")
        }
    }

    /// The records by their names inside the archive's one folder.
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
                [alwaysThere, "version", "byteorder"].contains(name) || name.hasPrefix("data/") || name.hasPrefix(".")
            guard isKnown else {
                throw .damagedArchive(file: file, record: entry.name, problem: "not a record that torch.save writes")
            }
            records[name] = entry
        }
        return records
    }

    /// The description of a tensor that must be there.
    ///
    /// - Throws: ``TorchFileError/noSuchTensor(file:tensor:)``.
    public func entry(_ name: String) throws(TorchFileError) -> TorchFileEntry {
        guard let entry = tensors[name] else { throw .noSuchTensor(file: url.relativePath, tensor: name) }
        return entry
    }

    /// Calls `body` with a tensor's bytes, little-endian and row-major: the mapped file itself where the elements lie in that
    /// order, else a copy that is gone after the call.
    ///
    /// - Throws: ``TorchFileError``, and what `body` throws.
    public func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let entry = try entry(name)
        return try withExtendedLifetime(mapping) {
            let storage = try storage(entry.record)
            guard entry.isContiguous else { return try entry.gathered(from: storage).withUnsafeBytes(body) }
            let start = entry.offset * entry.dtype.byteCount
            return try body(UnsafeRawBufferPointer(rebasing: storage[start..<(start + entry.byteCount)]))
        }
    }

    /// A record's bytes, once they are known to be the ones written.
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
