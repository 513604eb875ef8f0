public import Foundation
public import Torch

extension MetaCheckpoint {
    /// How many of a model's heads the format can hold: all.
    ///
    /// - Throws: ``ModelError/unsupported(file:key:value:)`` for a model that it cannot hold.
    public static func heads(of configuration: ModelConfiguration) throws(ModelError) -> Int {
        guard configuration.headKind == .parallel else {
            throw .unsupported(file: MetaParameters.fileName, key: "head_kind", value: configuration.headKind.rawValue)
        }
        guard configuration.headDimension * configuration.attentionHeads == configuration.width else {
            throw .unsupported(
                file: MetaParameters.fileName, key: "head_dim",
                value:
                    "\(configuration.headDimension), with \(configuration.attentionHeads) heads in a width of \(configuration.width)"
            )
        }
        return configuration.heads
    }

    /// Writes a model as `consolidated.pth` and `params.json` into an existing folder, one tensor at a time.
    ///
    /// - Parameters:
    ///   - dtype: the element type of each parameter in the file.
    ///   - tensor: a parameter's weights, contiguous and in that type.
    /// - Returns: what the format does not hold, in sentences.
    /// - Throws: ``ModelError/unsupported(file:key:value:)``, `TorchFileError`, `JSONError`, and what the closures throw.
    public static func write(
        _ configuration: ModelConfiguration, to folder: URL, dtype: (String) throws -> DType,
        tensor: @escaping (String) throws -> Tensor
    ) throws -> [String] {
        _ = try heads(of: configuration)
        let sources = try MetaLayout(configuration).entries.map { entry in
            SafetensorsSource(name: entry.name, dtype: try dtype(entry.parameter).safetensors, shape: entry.shape) {
                write in
                let weights = try tensor(entry.parameter)
                let rows = entry.rotaryHeads.map { MetaLayout.pairs(weights, heads: $0) } ?? weights
                try rows.withUnsafeBytes(write)
            }
        }
        // The format has no word for one matrix in both places: they share memory, as tied modules do in torch.
        let shared = configuration.tieEmbeddings ? [MetaLayout.unembeddingName: MetaLayout.embeddingName] : [:]
        try TorchFileWriter.write(to: folder.appendingPathComponent(weightsName), tensors: sources, shared: shared)
        try MetaParameters.value(configuration).write(to: folder.appendingPathComponent(MetaParameters.fileName))
        var notes: [String] = []
        if configuration.context != MetaParameters.releasedContext {
            notes.append("\(MetaParameters.fileName) has no key for the context of \(configuration.context) tokens")
        }
        return notes
    }

    /// Writes a model in memory, with its own element type.
    ///
    /// - Throws: as above.
    @discardableResult
    public static func write(_ model: MultiTokenModel, to folder: URL) throws -> [String] {
        let tensors = Dictionary(model.parameters.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        return try write(model.configuration, to: folder, dtype: { _ in model.dtype }) { name in
            guard let tensor = tensors[name] else {
                throw ModelError.missingTensor(file: "the model in memory", tensor: name)
            }
            return tensor.detached()
        }
    }

    /// The model, in memory.
    ///
    /// - Throws: what ``tensor(_:)`` throws, `TorchError.outOfMemory`.
    public func model(dtype: DType = .float32, device: Device = .cpu) throws -> MultiTokenModel {
        let model = try MultiTokenModel(configuration, seed: nil, dtype: dtype, device: device)
        for parameter in model.parameters { parameter.tensor.assign(try tensor(parameter.name)) }
        return model
    }
}
