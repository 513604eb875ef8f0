public import ForetokenFormats

extension SafetensorsSource {
    /// A tensor to write; its bytes are read when the file is written.
    public init(name: String, tensor: Tensor) {
        self.init(name: name, dtype: tensor.dtype.safetensors, shape: tensor.shape) { write in
            try tensor.withUnsafeBytes(write)
        }
    }
}

extension SafetensorsFile {
    /// Reads a tensor of the file.
    ///
    /// - Throws: ``SafetensorsError`` if the tensor is missing, `TorchError.outOfMemory(_:)`, `TorchError.failed(_:)` for an
    ///   element type that LibTorch does not compute with.
    public func tensor(_ name: String) throws -> Tensor {
        let entry = try entry(name)
        guard let dtype = DType(entry.dtype) else {
            throw TorchError.failed(
                "tensor '\(name)' has element type \(entry.dtype.rawValue), which is not supported; convert the file")
        }
        return try withBytes(of: name) { try Tensor.copying($0, shape: entry.shape, dtype: dtype) }
    }
}

extension TorchFile {
    /// Reads a tensor of the file, in its stored element type.
    ///
    /// - Throws: ``TorchFileError``, `TorchError.outOfMemory(_:)`.
    public func tensor(_ name: String) throws -> Tensor {
        let entry = try entry(name)
        return try withBytes(of: name) { try Tensor.copying($0, shape: entry.shape, dtype: entry.dtype) }
    }
}
