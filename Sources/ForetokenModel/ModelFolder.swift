public import Foundation
public import Torch

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

    /// Writes the model into an existing folder.
    ///
    /// - Throws: `SafetensorsError` or a file error, naming the file.
    public static func write(_ model: MultiTokenModel, to folder: URL) throws {
        let extras = folder.appendingPathComponent(extrasFolder)
        try FileManager.default.createDirectory(at: extras, withIntermediateDirectories: true)
        try llamaConfiguration(model.configuration, dtype: model.dtype)
            .write(to: folder.appendingPathComponent(configurationName))
        try extraConfiguration(model.configuration).write(to: extras.appendingPathComponent(configurationName))
        func sources(_ parameters: [Parameter]) -> [SafetensorsSource] {
            parameters.map { SafetensorsSource(name: $0.name, tensor: $0.tensor) }
        }
        try SafetensorsCheckpoint.write(
            to: folder, tensors: sources(model.parameters.filter { !isExtra($0) }), metadata: ["format": "pt"])
        try SafetensorsWriter.write(
            to: extras.appendingPathComponent(headsName), tensors: sources(model.parameters.filter(isExtra)),
            metadata: ["format": "pt"])
    }

    /// Reads a model.
    ///
    /// - Throws: ``ModelError``, `SafetensorsError` or `JSONError`, naming file, key or tensor; no tensor is ever left out
    ///   or ignored.
    public static func read(
        _ folder: URL, dtype: DType = .float32, device: Device = .cpu
    ) throws -> MultiTokenModel {
        let configuration = try readConfiguration(folder)
        let model = try MultiTokenModel(configuration, seed: nil, dtype: dtype, device: device)
        let llama = try SafetensorsCheckpoint(folder: folder)
        let heads = try SafetensorsFile(
            contentsOf: folder.appendingPathComponent(extrasFolder).appendingPathComponent(headsName))
        let names = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, isExtra($0)) })
        for name in llama.names where names[name] != false {
            throw ModelError.unknownTensor(file: folder.relativePath + "/model.safetensors", tensor: name)
        }
        for name in heads.names where names[name] != true {
            throw ModelError.unknownTensor(file: heads.url.relativePath, tensor: name)
        }
        for parameter in model.parameters {
            let extra = isExtra(parameter)
            guard extra ? heads.tensors[parameter.name] != nil : llama.contains(parameter.name) else {
                throw ModelError.missingTensor(
                    file: extra ? heads.url.relativePath : folder.relativePath + "/model.safetensors",
                    tensor: parameter.name)
            }
            try load(parameter, from: extra ? heads : llama.file(of: parameter.name))
        }
        return model
    }

    /// Overwrites a parameter with the tensor of its name.
    private static func load(_ parameter: Parameter, from file: SafetensorsFile) throws {
        let entry = try file.entry(parameter.name)
        guard [.float64, .float32, .float16, .bfloat16].contains(entry.dtype) else {
            throw ModelError.wrongType(
                file: file.url.relativePath, tensor: parameter.name, found: entry.dtype.rawValue)
        }
        guard entry.shape == parameter.tensor.shape else {
            throw ModelError.wrongShape(
                file: file.url.relativePath, tensor: parameter.name, found: entry.shape,
                expected: parameter.tensor.shape)
        }
        parameter.tensor.assign(try file.tensor(parameter.name))
    }

    /// Whether a parameter lies out of the way of Llama loaders.
    private static func isExtra(_ parameter: Parameter) -> Bool { parameter.name.hasPrefix("heads.") }
}
