public import ForetokenPlatform

/// The tensors of a model in one safetensors file, or in several with an index, as one set.
///
/// The index is Hugging Face's `NAME.safetensors.index.json`: `weight_map` maps each tensor to its shard. Index and shards must
/// agree exactly: no tensor of a shard is silently ignored.
public final class SafetensorsCheckpoint: Sendable {
    /// The folder of the files.
    public let folder: URL

    /// The files, ordered by name.
    public let files: [SafetensorsFile]

    /// The tensors' names, file by file, in the order of their bytes.
    public let names: [String]

    /// `metadata.total_size` of the index, nil without one. It is not checked against ``byteCount``, since Hugging Face's tools
    /// have written wrong sums.
    public let declaredByteCount: Int?

    private let fileIndex: [String: Int]

    /// Total size of all tensors in bytes.
    public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// Opens `NAME.safetensors` or `NAME.safetensors.index.json` in a folder.
    ///
    /// - Throws: ``SafetensorsError``, and `JSONError` for an invalid index.
    public convenience init(folder: URL, name: String = "model") throws {
        let file = "\(name).safetensors"
        let index = "\(name).safetensors.index.json"
        let hasFile = FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
        let hasIndex = FileManager.default.fileExists(atPath: folder.appendingPathComponent(index).path)
        switch (hasFile, hasIndex) {
        case (true, true):
            throw SafetensorsError.ambiguousCheckpoint(folder: folder.relativePath, file: file, index: index)
        case (false, false):
            throw SafetensorsError.noCheckpoint(folder: folder.relativePath, file: file, index: index)
        default:
            try self.init(contentsOf: folder.appendingPathComponent(hasFile ? file : index))
        }
    }

    /// Opens a single file, or an index (a name that ends in `.json`) with the shards in its folder.
    ///
    /// - Throws: ``SafetensorsError``, and `JSONError` for an invalid index.
    public init(contentsOf url: URL) throws {
        folder = url.deletingLastPathComponent()
        guard url.pathExtension == "json" else {
            let file = try SafetensorsFile(contentsOf: url)
            files = [file]
            names = file.names
            fileIndex = file.tensors.mapValues { _ in 0 }
            declaredByteCount = nil
            return
        }
        let index = try SafetensorsIndex(contentsOf: url)
        (files, fileIndex) = try index.openShards(in: folder)
        names = files.flatMap(\.names)
        declaredByteCount = index.totalSize
    }

    /// The file that holds a tensor.
    ///
    /// - Throws: ``SafetensorsError/noSuchTensor(file:tensor:)``.
    public func file(of name: String) throws(SafetensorsError) -> SafetensorsFile {
        guard let index = fileIndex[name] else {
            let url = files.count == 1 ? files[0].url : folder
            throw .noSuchTensor(file: url.relativePath, tensor: name)
        }
        return files[index]
    }

    /// Whether there is a tensor with this name.
    public func contains(_ name: String) -> Bool {
        fileIndex[name] != nil
    }

    /// The description of a tensor; its byte range is relative to its own file.
    ///
    /// - Throws: ``SafetensorsError/noSuchTensor(file:tensor:)``.
    public func entry(_ name: String) throws(SafetensorsError) -> SafetensorsEntry {
        try file(of: name).entry(name)
    }

    /// Calls `body` with a tensor's bytes; see ``SafetensorsFile/withBytes(of:_:)``.
    public func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try file(of: name).withBytes(of: name, body)
    }
}
