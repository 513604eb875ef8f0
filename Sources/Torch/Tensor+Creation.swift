internal import CTorch
public import ForetokenFormats

extension Tensor {
    /// Creates a CPU tensor from elements in row-major order.
    ///
    /// `shape`: the sizes of the axes; one-dimensional if nil. Traps if it does not match the number of elements.
    public convenience init<Element: TensorElement>(
        _ elements: [Element], shape: [Int]? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        LibTorch.initialized
        let handle = elements.withUnsafeBytes { bytes in
            withShape(shape ?? [elements.count]) {
                ct_from_bytes(bytes.baseAddress, bytes.count, $0, $1, Element.dtype.rawValue)
            }
        }
        guard let handle else { trap(file, line) }
        self.init(owning: handle)
    }

    /// A tensor on a device from elements in row-major order. To a GPU they are copied asynchronously from pinned memory.
    ///
    /// `shape`: the sizes of the axes. Traps if it does not match the number of elements.
    public static func uploading<Element: TensorElement>(
        _ elements: [Element], shape: [Int], to device: Device, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        LibTorch.initialized
        let handle = elements.withUnsafeBytes { bytes in
            withShape(shape) {
                ct_upload(bytes.baseAddress, bytes.count, $0, $1, Element.dtype.rawValue, device.handle)
            }
        }
        return checked(handle, file, line)
    }

    /// Overwrites the elements, in row-major order, as ``uploading(_:shape:to:file:line:)`` does. Traps if the number of elements
    /// or the element type differs.
    public func upload<Element: TensorElement>(
        _ elements: [Element], file: StaticString = #fileID, line: UInt = #line
    ) {
        precondition(dtype == Element.dtype, "a \(dtype) tensor given \(Element.dtype)", file: file, line: line)
        check(
            elements.withUnsafeBytes { bytes in call { ct_upload_into($0, bytes.baseAddress, bytes.count) } }, file,
            line)
    }

    /// A CPU tensor from raw little-endian bytes in row-major order, which are copied.
    ///
    /// - Throws: ``TorchError/outOfMemory(_:)``. Traps if the number of bytes does not match the shape.
    public static func copying(
        _ bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType, file: StaticString = #fileID, line: UInt = #line
    ) throws(TorchError) -> Tensor {
        LibTorch.initialized
        return try throwing(
            withShape(shape) { ct_from_bytes(bytes.baseAddress, bytes.count, $0, $1, dtype.rawValue) }, file, line)
    }

    /// A tensor filled with one value.
    ///
    /// - Throws: ``TorchError/outOfMemory(_:)``.
    public static func full(
        _ value: Double, shape: [Int], dtype: DType = .float32, device: Device = .cpu, file: StaticString = #fileID,
        line: UInt = #line
    ) throws(TorchError) -> Tensor {
        LibTorch.initialized
        return try throwing(
            withShape(shape) { ct_full($0, $1, value, dtype.rawValue, device.handle) }, file, line)
    }

    /// A tensor of zeros.
    ///
    /// - Throws: ``TorchError/outOfMemory(_:)``.
    public static func zeros(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, file: StaticString = #fileID, line: UInt = #line
    ) throws(TorchError) -> Tensor {
        try full(0, shape: shape, dtype: dtype, device: device, file: file, line: line)
    }

    /// The one-dimensional tensor 0, 1, …, `end` − 1.
    public static func range(
        _ end: Int, dtype: DType = .int64, device: Device = .cpu, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        LibTorch.initialized
        return checked(ct_arange(0, Double(end), 1, dtype.rawValue, device.handle), file, line)
    }

    /// Independent samples from a normal distribution, drawn on the CPU.
    public static func normal(
        _ shape: [Int], mean: Double = 0, standardDeviation: Double = 1, dtype: DType = .float32,
        generator: Generator, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        checked(
            generator.call { g in
                withShape(shape) { ct_normal($0, $1, mean, standardDeviation, dtype.rawValue, g) }
            }, file, line)
    }

    /// Independent samples from a normal distribution with mean 0, truncated at ± `bound` standard deviations.
    ///
    /// Drawn in float64 and rounded, so that all floating-point types get the same numbers up to rounding.
    ///
    /// - Throws: ``TorchError/outOfMemory(_:)``.
    public static func truncatedNormal(
        _ shape: [Int], standardDeviation: Double, bound: Double = 3, dtype: DType = .float32, generator: Generator,
        file: StaticString = #fileID, line: UInt = #line
    ) throws(TorchError) -> Tensor {
        try throwing(
            generator.call { g in
                withShape(shape) { ct_truncated_normal($0, $1, standardDeviation, bound, dtype.rawValue, g) }
            }, file, line)
    }
}

extension Tensor {
    /// The elements in row-major order, copied to the host. Traps if `Element` does not match ``dtype``.
    public func elements<Element: TensorElement>(
        as type: Element.Type = Element.self, file: StaticString = #fileID, line: UInt = #line
    ) -> [Element] {
        precondition(dtype == Element.dtype, "a \(dtype) tensor read as \(Element.dtype)", file: file, line: line)
        let count = self.count
        return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            check(
                call { ct_copy_to_bytes($0, bytes.baseAddress, count * MemoryLayout<Element>.stride) }, file, line)
            initialized = count
        }
    }

    /// The value of a one-element tensor.
    public func item(file: StaticString = #fileID, line: UInt = #line) -> Double {
        var value = 0.0
        check(call { ct_item($0, &value) }, file, line)
        return value
    }

    /// Calls `body` with the bytes of the elements, little-endian and row-major; a copy unless the tensor is contiguous and on
    /// the CPU.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let source = to(.cpu).detached().contiguous()
        let byteCount = source.count * source.dtype.byteCount
        return try source.call { try body(UnsafeRawBufferPointer(start: ct_data($0), count: byteCount)) }
    }

    /// The address of the first element of a contiguous float32 tensor on the CPU, valid while the tensor lives.
    ///
    /// For kernels that work on raw memory; the caller keeps the tensor alive.
    public func unsafeFloatPointer(file: StaticString = #fileID, line: UInt = #line) -> UnsafeMutablePointer<Float> {
        precondition(
            dtype == .float32 && device == .cpu && isContiguous,
            "unsafeFloatPointer needs a contiguous float32 tensor on the CPU", file: file, line: line)
        let address = call { ct_data($0) }
        guard let address else { preconditionFailure("an empty tensor has no address", file: file, line: line) }
        return address.assumingMemoryBound(to: Float.self)
    }
}
