extension DType {
    /// The element type of a safetensors file, or nil if tensors here have no such type.
    public init?(_ dtype: SafetensorsDType) {
        switch dtype {
        case .float64: self = .float64
        case .float32: self = .float32
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .int64: self = .int64
        case .int32: self = .int32
        case .int16: self = .int16
        case .int8: self = .int8
        case .uint8: self = .uint8
        case .bool: self = .bool
        default: return nil
        }
    }

    /// The name of the type in a safetensors file.
    public var safetensors: SafetensorsDType {
        switch self {
        case .float64: .float64
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int64: .int64
        case .int32: .int32
        case .int16: .int16
        case .int8: .int8
        case .uint8: .uint8
        case .bool: .bool
        }
    }
}

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
    /// - Throws: ``SafetensorsError`` if it is not there, ``TorchError`` if memory ends or no tensor has its type.
    public func tensor(_ name: String) throws -> Tensor {
        let entry = try entry(name)
        guard let dtype = DType(entry.dtype) else {
            throw TorchError.failed(
                "tensor '\(name)' has element type \(entry.dtype.rawValue), which has no arithmetic")
        }
        return try withBytes(of: name) { try Tensor.copying($0, shape: entry.shape, dtype: dtype) }
    }
}
