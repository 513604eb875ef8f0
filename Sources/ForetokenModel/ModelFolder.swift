import ForetokenFiles
import ForetokenFormats
public import ForetokenPlatform

/// A model folder: a plain Llama made of head 1 for other tools, and the other heads beside it.
///
/// ```
/// config.json              Llama keys; num_hidden_layers = the blocks of plain decoding
/// model.safetensors        embedding, trunk, head 1, norm, unembedding under Hugging Face's names
/// foretoken/config.json    heads, their kind, the tokenizer
/// foretoken/heads.safetensors
/// ```
/// What opens elsewhere, with the same logits:
/// - `parallel`, `causal`, `deepseek`: a Llama of the trunk and head 1, its last layer. The other heads, with DeepSeek's norms
///   and projections and the unembeddings of their own, lie beside it.
/// - `anticausal`: a Llama of the trunk and all heads, head n first and head 1 last, since that is what plain decoding runs.
/// - `linear`: nothing. Head 1 is no Llama layer; the folder calls itself `foretoken`, so that a loader of Llama models
///   refuses it instead of computing something else.
public enum ModelFolder {
    static let formatVersion = 1
    static let configurationName = "config.json"
    static let extrasFolder = "foretoken"
    static let headsName = "heads.safetensors"

    /// Writes a source's model into an existing folder, one tensor at a time and as it is stored.
    ///
    /// - Throws: `SafetensorsError` or a file error, naming the file.
    public static func write(_ source: any WeightSource, to folder: URL) throws {
        try write(source, to: folder, format: nil, shardBytes: SafetensorsCheckpoint.defaultShardSize)
    }

    /// The same in `format` if that is given.
    static func write(
        _ source: any WeightSource, to folder: URL, format: StorageFormat?, shardBytes: Int
    ) throws {
        let extras = folder.appendingPathComponent(extrasFolder)
        // Not the folder itself: a run's may be renamed meanwhile.
        if !FileManager.default.fileExists(atPath: extras.path) {
            try FileManager.default.createDirectory(at: extras, withIntermediateDirectories: false)
        }
        let parameters = try ModelOutline(source.configuration).parameters
        try writeLlama(source, parameters.filter { !isExtra($0) }, to: folder, format: format, shardBytes: shardBytes)
        try extraConfiguration(source.configuration).write(to: extras.appendingPathComponent(configurationName))
        try SafetensorsWriter.write(
            to: extras.appendingPathComponent(headsName),
            tensors: parameters.filter(isExtra).map { try SafetensorsSource($0, from: source, as: format) },
            metadata: ["format": "pt"])
    }

    /// The part of a folder that other tools read.
    static func writeLlama(
        _ source: any WeightSource, _ parameters: [ParameterOutline], to folder: URL, format: StorageFormat?,
        shardBytes: Int
    ) throws {
        try llamaConfiguration(
            source.configuration, format: format ?? source.weight("model.embed_tokens.weight").format
        )
        .write(to: folder.appendingPathComponent(configurationName))
        try SafetensorsCheckpoint.write(
            to: folder, tensors: parameters.map { try SafetensorsSource($0, from: source, as: format) },
            metadata: ["format": "pt"], shardSize: shardBytes)
    }

    /// Whether a file or folder looks like a model of a format that is read.
    public static func isThere(_ url: URL) -> Bool { InterchangeFormat.allCases.contains { $0.type.recognizes(url) } }

    /// Opens a model of any format that is read.
    ///
    /// - Throws: an error that names file, key or tensor; no tensor is ever left out or ignored.
    public static func source(_ url: URL) throws -> any WeightSource {
        let format = InterchangeFormat.allCases.first { $0.type.recognizes(url) } ?? .foretoken
        return try format.type.source(at: url)
    }

    /// Whether a parameter lies out of the way of Llama loaders.
    static func isExtra(_ parameter: ParameterOutline) -> Bool { parameter.name.hasPrefix("heads.") }
}
