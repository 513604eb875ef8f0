import ForetokenFiles
import ForetokenFormats
public import ForetokenPlatform

/// A model folder: a standard Llama of trunk and head 1 for other programs, and the other heads in a subfolder.
///
/// ```
/// config.json              Llama keys; num_hidden_layers = the blocks of next-token decoding
/// model.safetensors        embedding, trunk, head 1, norm, unembedding under Hugging Face's names
/// foretoken/config.json    heads, their kind, the tokenizer
/// foretoken/heads.safetensors
/// ```
/// Other programs load, with the same logits:
/// - `parallel`, `causal`, `deepseek`: a Llama of the trunk and head 1, its last layer. The other heads, with DeepSeek's norms
///   and projections and any final norms and unembeddings of their own, are in the subfolder.
/// - `anticausal`: a Llama of the trunk and all heads, head n first and head 1 last, since next-token decoding runs all of them.
/// - `linear`: nothing. Head 1 is not a Llama layer; the folder's `model_type` is `foretoken`, so that Llama loaders reject it
///   instead of computing something else.
public enum ModelFolder {
    static let formatVersion = 1
    static let configurationName = "config.json"
    static let extrasFolder = "foretoken"
    static let headsName = "heads.safetensors"

    /// Writes a source's model into an existing folder, one tensor at a time and in its stored format.
    ///
    /// - Throws: `SafetensorsError` or a file error, naming the file.
    public static func write(_ source: any WeightSource, to folder: URL) throws {
        try write(source, to: folder, format: nil, shardBytes: SafetensorsCheckpoint.defaultShardSize)
    }

    /// Writes a source's model into an existing folder, converted to `format` if given.
    static func write(
        _ source: any WeightSource, to folder: URL, format: StorageFormat?, shardBytes: Int
    ) throws {
        let extras = folder.appendingPathComponent(extrasFolder)
        // Without creating parent folders: a run's folder may have been renamed meanwhile.
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

    /// Writes the part of a folder that other programs read.
    ///
    /// - Parameters:
    ///   - source: the weights.
    ///   - parameters: those to write.
    ///   - folder: an existing folder.
    ///   - format: the format to write; that of the weights if nil.
    ///   - shardBytes: the maximum size of one file.
    ///   - keys: other keys of `config.json`, which replace the model's own.
    ///   - tensor: gives the name of a parameter's tensor.
    static func writeLlama(
        _ source: any WeightSource, _ parameters: [ParameterOutline], to folder: URL, format: StorageFormat?,
        shardBytes: Int, keys: [(String, JSONValue)] = [], tensor: (String) -> String = { $0 }
    ) throws {
        let stored = try source.weight("model.embed_tokens.weight").format
        let config = llamaConfiguration(
            source.configuration, format: format ?? source.configuration.declaredType ?? stored)
        try config.setting(keys).write(to: folder.appendingPathComponent(configurationName))
        try SafetensorsCheckpoint.write(
            to: folder,
            tensors: parameters.map { try SafetensorsSource($0, named: tensor($0.name), from: source, as: format) },
            metadata: ["format": "pt"], shardSize: shardBytes)
    }

    /// Whether a file or folder looks like a model.
    public static func looksLikeModel(_ url: URL) -> Bool {
        InterchangeFormat.allCases.contains { $0.type.recognizes(url) }
    }

    /// Opens a model of any readable format.
    ///
    /// - Throws: an error that names file, key or tensor; no tensor is ever left out or ignored.
    public static func source(_ url: URL) throws -> any WeightSource {
        let format = InterchangeFormat.allCases.first { $0.type.recognizes(url) } ?? .foretoken
        return try format.type.source(at: url)
    }

    /// Whether a parameter is stored in the subfolder, where Llama loaders do not see it.
    static func isExtra(_ parameter: ParameterOutline) -> Bool { parameter.name.hasPrefix("heads.") }
}
