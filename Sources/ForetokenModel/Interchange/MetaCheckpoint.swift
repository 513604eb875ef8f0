import ForetokenFiles
import ForetokenFormats
public import ForetokenPlatform
import ForetokenText

/// A model in Meta's released multi-token format: a folder of `consolidated.pth` and `params.json`
/// (facebook/multi-token-prediction), its weights read one tensor at a time under the names of ``ModelOutline/parameters``.
///
/// The weights may be a `dict` or a `state_dict()` of float32, float16 or bfloat16 tensors. Opening checks that every expected
/// tensor is present with the right shape and that there are no others. Nothing in the file is executed (`TorchFile`).
public struct MetaCheckpoint: WeightSource {
    /// The model's shape.
    public let configuration: ModelConfiguration
    /// The folder.
    public let folder: URL
    /// Notes on values missing in the files, in sentences.
    public let notes: [String]
    /// The folder's files, and the tokenizer one folder up, as in Meta's releases, if the folder has none.
    public let companions: [CompanionFile]
    private let weights: TorchFile
    private let entries: [String: MetaLayout.Entry]

    static let weightsName = "consolidated.pth"

    /// Whether a folder looks like this format; nothing is read.
    public static func recognizes(_ url: URL) -> Bool {
        func exists(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path)
        }
        return exists(MetaParameters.fileName) && !exists(ModelFolder.configurationName)
    }

    /// Opens a folder and checks that it is complete.
    ///
    /// - Throws: ``ModelError``, `TorchFileError` or `JSONError`, naming file, key or tensor.
    public init(_ folder: URL) throws {
        func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name).path) }
        guard exists(MetaParameters.fileName) else {
            throw ModelError.notAModelFolder(folder: folder.relativePath, missing: MetaParameters.fileName)
        }
        // Llama releases number the file; several files hold slices of every tensor.
        if exists("consolidated.01.pth") {
            throw ModelError.unsupported(
                file: folder.relativePath, key: "consolidated.01.pth", value: "weights split over several files")
        }
        let name =
            !exists(Self.weightsName) && exists("consolidated.00.pth") ? "consolidated.00.pth" : Self.weightsName
        guard exists(name) else { throw ModelError.notAModelFolder(folder: folder.relativePath, missing: name) }
        let weights = try TorchFile(contentsOf: file(name))
        let weightsPath = weights.url.relativePath

        guard let embedding = weights.tensors[MetaLayout.embeddingName] else {
            throw ModelError.missingTensor(file: weightsPath, tensor: MetaLayout.embeddingName)
        }
        let isTied = weights.tensors[MetaLayout.unembeddingName]?.isSame(as: embedding) == true
        var configuration = try MetaParameters.read(
            JSONNode(contentsOf: file(MetaParameters.fileName)), vocabulary: embedding.shape.first ?? 0, isTied: isTied
        )
        // Before allocating anything in proportion to the number of layers.
        guard configuration.layers <= weights.names.count else {
            throw ModelError.disagreement(
                file: file(MetaParameters.fileName).relativePath, key: "n_layers", found: String(configuration.layers),
                expected: "fewer than the \(weights.names.count) tensors")
        }
        let layout = MetaLayout(configuration)
        var unknown = Set(weights.names).subtracting(layout.entries.map(\.name))
        if isTied { unknown.remove(MetaLayout.unembeddingName) }
        if try Self.isRedundant("rope.freqs", in: weights, configuration) { unknown.remove("rope.freqs") }
        if let name = weights.names.first(where: unknown.contains) {
            throw ModelError.unknownTensor(file: weightsPath, tensor: name)
        }
        for entry in layout.entries {
            guard let tensor = weights.tensors[entry.name] else {
                throw ModelError.missingTensor(file: weightsPath, tensor: entry.name)
            }
            guard tensor.shape == entry.shape else {
                throw ModelError.wrongShape(
                    file: weightsPath, tensor: entry.name, found: tensor.shape, expected: entry.shape)
            }
            guard StorageFormat(tensor.dtype) != nil else {
                throw ModelError.wrongType(file: weightsPath, tensor: entry.name, found: tensor.dtype.description)
            }
        }
        // The beginning and end tokens are not in these files; the tokenizer has them.
        if let tokenizer = try? ModelFolder.tokenizer(in: folder, of: configuration) {
            configuration.beginningOfText = tokenizer.beginningOfText
            configuration.endOfText = tokenizer.endOfText
        }
        let tokens = try FolderTokens(
            folder, config: JSONNode(.object(JSONObject()), file: folder.relativePath),
            vocabulary: configuration.vocabulary)
        let end = configuration.endOfText
        configuration.take(tokens)
        if tokens.ends.isEmpty { configuration.endOfText = end }
        let own = try ModelFolder.companions(in: folder)
        let above = ModelFolder.tokenizerFiles(of: folder).filter { url in
            !own.contains { $0.name == url.lastPathComponent }
        }
        for url in above { try FolderLinks.check(url, in: url.deletingLastPathComponent()) }
        companions = own + above.prefix(1).map { CompanionFile(name: $0.lastPathComponent, at: $0) }
        self.folder = folder
        self.configuration = configuration
        self.weights = weights
        entries = Dictionary(layout.entries.map { ($0.parameter, $0) }, uniquingKeysWith: { first, _ in first })
        notes =
            try JSONNode(contentsOf: file(MetaParameters.fileName))["max_seq_len"].ifPresent == nil
            ? [
                "\(MetaParameters.fileName) gives no context length; assuming \(MetaParameters.releasedContext) tokens, "
                    + "as in Meta's release"
            ]
            : []
    }

    /// The folder's path for error messages.
    public var file: String { folder.relativePath }

    /// The stored form of a parameter.
    ///
    /// - Throws: ``ModelError/missingTensor(file:tensor:)`` for an unknown parameter.
    public func weight(_ parameter: String) throws -> StoredWeight {
        let entry = try entry(parameter)
        let stored = try weights.entry(entry.name)
        guard let format = StorageFormat(stored.dtype) else {
            throw ModelError.wrongType(file: file, tensor: entry.name, found: stored.dtype.description)
        }
        return StoredWeight(
            shape: stored.shape, format: format,
            rows: entry.isRotary ? .halvesFromPairs(headDimension: configuration.headDimension) : .none)
    }

    /// Calls `body` with a parameter's bytes as stored.
    ///
    /// - Throws: ``ModelError/missingTensor(file:tensor:)`` for an unknown parameter, `TorchFileError` for damaged bytes.
    public func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try weights.withBytes(of: entry(parameter).name, body)
    }

    private func entry(_ parameter: String) throws(ModelError) -> MetaLayout.Entry {
        guard let entry = entries[parameter] else { throw .missingTensor(file: file, tensor: parameter) }
        return entry
    }

    /// Whether a tensor holds exactly the rotary frequencies given by θ: older Llama files have them as a buffer.
    private static func isRedundant(
        _ name: String, in weights: TorchFile, _ configuration: ModelConfiguration
    ) throws -> Bool {
        guard let entry = weights.tensors[name] else { return true }
        guard entry.shape == [configuration.headDimension / 2], let format = StorageFormat(entry.dtype) else {
            return false
        }
        let found = try weights.withBytes(of: name) { format.floats($0).map(Double.init) }
        // Within the rounding of bfloat16 (8 bits) and of float16's subnormals.
        return found.enumerated().allSatisfy { index, frequency in
            let expected = pow(configuration.ropeBase, -2 * Double(index) / Double(configuration.headDimension))
            return abs(frequency - expected) <= expected / 128 + 6e-8
        }
    }
}
