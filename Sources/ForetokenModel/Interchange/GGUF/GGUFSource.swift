import ForetokenFiles
import ForetokenFormats
import ForetokenPlatform
import ForetokenText

/// A model in a GGUF file: memory-mapped, every tensor accounted for when opened.
struct GGUFSource: WeightSource {
    let configuration: ModelConfiguration
    let notes: [String]
    let companions: [CompanionFile]
    private let model: GGUFFile
    private let family: BlockFamily

    init(_ url: URL) throws {
        let file = try GGUFFile(contentsOf: url)
        let family = try GGUFParameters.family(file)
        var configuration = try GGUFParameters.read(file, family: family)
        (model, self.family) = (file, family)
        // Before allocating anything in proportion to the number of layers.
        guard configuration.layers <= file.entries.count else {
            throw ModelError.disagreement(
                file: file.file, key: "\(family.rawValue).block_count", found: String(configuration.layers),
                expected: "fewer than the \(file.entries.count) tensors")
        }
        let parameters = try ModelOutline(configuration).parameters
        var unknown = Set(file.entries.map(\.name))
        for parameter in parameters {
            guard let name = GGUFNames.name(of: parameter.name), let entry = file.entry(name) else {
                throw ModelError.missingTensor(
                    file: file.file, tensor: GGUFNames.name(of: parameter.name) ?? parameter.name)
            }
            guard entry.shape == parameter.shape else {
                throw ModelError.wrongShape(
                    file: file.file, tensor: name, found: entry.shape, expected: parameter.shape)
            }
            // A vector has no rows to divide into blocks; no converter quantizes one.
            guard parameter.isMatrix || !entry.type.isQuantized else {
                throw ModelError.wrongType(file: file.file, tensor: name, found: entry.type.name)
            }
            unknown.remove(name)
        }
        // Read with the configuration.
        unknown.remove(GGUFRopeFactors.name)
        if let name = file.entries.first(where: { unknown.contains($0.name) })?.name {
            throw ModelError.unknownTensor(file: file.file, tensor: name)
        }
        let vocabulary = try GGUFVocabulary(file, rows: configuration.vocabulary)
        configuration.beginningOfText = vocabulary.prepended
        configuration.endOfText = vocabulary.end
        configuration.tokenRoles = vocabulary.tokenRoles
        self.configuration = configuration
        companions = vocabulary.files
        notes = vocabulary.notes
    }

    var file: String { model.file }

    func weight(_ parameter: String) throws -> StoredWeight {
        let entry = try entry(parameter)
        let rows: RowTransform =
            GGUFNames.isPaired(parameter, family) ? .halvesFromPairs(headDimension: configuration.headDimension) : .none
        let format: StorageFormat? =
            switch entry.type {
            case .f32: .f32
            case .f16: .f16
            case .bf16: .bf16
            default: nil
            }
        guard let format else { return StoredWeight(shape: entry.shape, blocks: entry.type, rows: rows) }
        return StoredWeight(shape: entry.shape, format: format, rows: rows)
    }

    func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try model.withBytes(of: entry(parameter).name, body)
    }

    private func entry(_ parameter: String) throws(ModelError) -> GGUFFile.Entry {
        guard let entry = GGUFNames.name(of: parameter).flatMap(model.entry) else {
            throw .missingTensor(file: file, tensor: parameter)
        }
        return entry
    }

    /// The vocabulary of a file.
    ///
    /// - Throws: `GGUFError`.
    static func vocabulary(in url: URL) throws -> GGUFVocabulary {
        let file = try GGUFFile(contentsOf: url)
        return try GGUFVocabulary(file, rows: file.entry("token_embd.weight")?.shape.first ?? 0)
    }

    /// The tokenizer in a file.
    ///
    /// - Throws: as opening the file, `TokenizerError`; also if the file's tokenizer is not supported.
    static func tokenizer(in url: URL, of configuration: ModelConfiguration) throws -> any Tokenizer {
        let vocabulary = try vocabulary(in: url)
        if let failure = vocabulary.failure { throw failure }
        guard let found = ModelFolder.tokenizerFile(among: vocabulary.files) else {
            throw TokenizerError.missing(file: url.relativePath, expected: configuration.tokenizerName)
        }
        return try ModelFolder.checked(
            TokenizerFile.tokenizer(parsing: found.read(), file: found.file), file: found.file,
            of: configuration)
    }
}
