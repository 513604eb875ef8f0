public import ForetokenFormats
public import ForetokenModel
public import Foundation
public import Torch

extension MultiTokenModel: WeightSource {
    /// No file.
    public var file: String { "the model in memory" }

    /// How a parameter's weights are held.
    ///
    /// - Throws: `ModelError.missingTensor(file:tensor:)` for a name that is no parameter's.
    public func weight(_ parameter: String) throws -> StoredWeight {
        let tensor = try tensor(parameter)
        guard let format = StorageFormat(tensor.dtype) else {
            throw ModelError.wrongType(file: file, tensor: parameter, found: tensor.dtype.description)
        }
        return StoredWeight(shape: tensor.shape, format: format)
    }

    /// Calls `body` with a parameter's weights; those of a model on the CPU are not copied.
    ///
    /// - Throws: `ModelError.missingTensor(file:tensor:)` for a name that is no parameter's, and what `body` throws.
    public func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try tensor(parameter).detached().to(.cpu).contiguous().withUnsafeBytes(body)
    }

    private func tensor(_ name: String) throws(ModelError) -> Tensor {
        guard let parameter = parameters.first(where: { $0.name == name }) else {
            throw ModelError.missingTensor(file: file, tensor: name)
        }
        return parameter.tensor
    }

    /// A model with the weights of a source.
    ///
    /// - Throws: what the source throws, `ModelError.impossible(_:)`, `TorchError.outOfMemory`.
    public convenience init(reading source: any WeightSource, dtype: DType = .float32, device: Device = .cpu) throws {
        try self.init(source.configuration, seed: nil, dtype: dtype, device: device)
        for parameter in parameters { parameter.tensor.assign(try source.tensor(parameter.name)) }
    }
}

extension WeightSource {
    /// A copy of a parameter's weights on the CPU, in the element type that they are stored in; quantized ones as float32.
    ///
    /// - Throws: what the source throws, `TorchError.outOfMemory`.
    public func tensor(_ parameter: String) throws -> Tensor {
        let weight = try weight(parameter)
        if weight.isQuantized {
            return try withFloats(of: parameter) {
                try Tensor.copying(UnsafeRawBufferPointer($0), shape: weight.shape, dtype: .float32)
            }
        }
        let stored = try withBytes(of: parameter) {
            try Tensor.copying($0, shape: weight.shape, dtype: weight.format.dtype)
        }
        guard weight.rows != .none, let height = weight.shape.first else { return stored }
        let order = Tensor((0..<height).map { Int64(weight.rows.storedRow($0)) }, shape: [height])
        // A bias has rows of one element.
        return stored.reshaped(height, -1).rows(at: order).reshaped(to: weight.shape)
    }
}

extension ModelFolder {
    /// Reads a model of any format that is read.
    ///
    /// - Throws: as `ModelFolder.source(_:)`, `TorchError.outOfMemory`.
    public static func read(
        _ folder: URL, dtype: DType = .float32, device: Device = .cpu
    ) throws -> MultiTokenModel {
        try MultiTokenModel(reading: source(folder), dtype: dtype, device: device)
    }
}
