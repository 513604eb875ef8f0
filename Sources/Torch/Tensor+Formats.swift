public import ForetokenFormats

extension SafetensorsSource {
    /// A tensor to be written; its bytes are read when its turn comes.
    public init(name: String, tensor: Tensor) {
        self.init(name: name, dtype: tensor.dtype.safetensors, shape: tensor.shape) { write in
            try tensor.withUnsafeBytes(write)
        }
    }
}

extension SafetensorsFile {
    /// A copy of a tensor of the file.
    ///
    /// - Throws: ``SafetensorsError`` if it is not there, `TorchError` if memory ends or no tensor has its type.
    public func tensor(_ name: String) throws -> Tensor {
        let entry = try entry(name)
        guard let dtype = DType(entry.dtype) else {
            throw TorchError.failed(
                "tensor '\(name)' has element type \(entry.dtype.rawValue), which has no arithmetic")
        }
        return try withBytes(of: name) { try Tensor.copying($0, shape: entry.shape, dtype: dtype) }
    }
}

extension TorchFile {
    /// A copy of a tensor, with its own type.
    ///
    /// - Throws: ``TorchFileError``; `TorchError` if memory ends.
    public func tensor(_ name: String) throws -> Tensor {
        let entry = try entry(name)
        return try withBytes(of: name) { try Tensor.copying($0, shape: entry.shape, dtype: entry.dtype) }
    }
}
