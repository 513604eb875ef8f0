/// A tensor in a file of `torch.save`: a strided view of a storage.
public struct TorchFileEntry: Sendable, Equatable {
    /// The tensor's name.
    public let name: String

    /// The type of its elements.
    public let dtype: DType

    /// Its dimensions, outermost first; empty for a scalar.
    public let shape: [Int]

    /// Its strides, in elements.
    public let strides: [Int]

    /// The offset of its first element in the storage, in elements.
    public let offset: Int

    /// The record with the storage, such as `data/0`; tensors with the same record share memory.
    public let record: String

    /// Number of elements.
    public let count: Int

    /// Size of its elements in bytes.
    public var byteCount: Int { count * dtype.byteCount }

    /// Whether its elements are stored in row-major order without gaps.
    public var isContiguous: Bool {
        var step = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            guard stride == step else { return count == 0 }
            step *= size
        }
        return true
    }

    /// Whether another tensor is the same view of the same storage.
    public func isSame(as other: TorchFileEntry) -> Bool {
        (record, offset, shape, strides) == (other.record, other.offset, other.shape, other.strides)
    }
}

extension TorchFileEntry {
    /// Checks that a tensor lies within its storage; otherwise returns the reason why not.
    ///
    /// - Parameter capacity: the number of elements of the storage.
    static func checked(
        name: String, dtype: DType, shape: [Int], strides: [Int], offset: Int, record: String, capacity: Int
    ) -> Result<TorchFileEntry, Problem> {
        guard shape.count == strides.count else {
            return .failure("it has \(shape.count) sizes and \(strides.count) strides")
        }
        guard let bytes = dtype.safetensors.byteCount(shape: shape) else {
            return .failure("\(shape) is not a valid shape")
        }
        let count = bytes / dtype.byteCount
        // Expanded tensors repeat elements with stride 0; a tiny file could then require any amount of memory.
        guard count <= capacity else {
            return .failure("\(count) elements over a storage of \(capacity); save it `.contiguous()`")
        }
        guard offset >= 0, offset <= capacity else { return .failure("its offset is outside its storage") }
        if count > 0 {
            var last = offset
            for (size, stride) in zip(shape, strides) {
                let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
                guard stride >= 0, !overflow, reach < capacity - last else {
                    return .failure("its strides \(strides) reach outside its storage of \(capacity) elements")
                }
                last += reach
            }
            guard last < capacity else { return .failure("it reaches outside its storage of \(capacity) elements") }
        }
        return .success(
            TorchFileEntry(
                name: name, dtype: dtype, shape: shape, strides: strides, offset: offset, record: record, count: count))
    }

    /// The reason why a tensor is rejected.
    struct Problem: Error, ExpressibleByStringInterpolation {
        let text: String
        init(stringLiteral text: String) { self.text = text }
    }

    /// Gathers the elements in row-major order from the storage's bytes.
    func gathered(from storage: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            let target = UnsafeMutableRawBufferPointer(buffer)
            switch dtype.byteCount {
            case 1: gather(UInt8.self, from: storage, into: target)
            case 2: gather(UInt16.self, from: storage, into: target)
            case 4: gather(UInt32.self, from: storage, into: target)
            default: gather(UInt64.self, from: storage, into: target)
            }
            initialized = byteCount
        }
    }

    private func gather<Element: BitwiseCopyable>(
        _ type: Element.Type, from storage: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) {
        let width = MemoryLayout<Element>.size
        let (rowLength, rowStride) = (shape.last ?? 1, strides.last ?? 1)
        // The index along the outer axes.
        var index = [Int](repeating: 0, count: max(0, shape.count - 1))
        var (start, written) = (offset, 0)
        while written < count {
            for column in 0..<rowLength {
                let element = storage.loadUnaligned(fromByteOffset: (start + column * rowStride) * width, as: type)
                target.storeBytes(of: element, toByteOffset: (written + column) * width, as: type)
            }
            written += rowLength
            var axis = index.count - 1
            while axis >= 0 {
                index[axis] += 1
                start += strides[axis]
                if index[axis] < shape[axis] { break }
                start -= index[axis] * strides[axis]
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
