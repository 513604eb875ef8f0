/// One tensor of a file of `torch.save`: which elements of a storage it shows, in what order.
public struct TorchFileEntry: Sendable, Equatable {
    /// The tensor's name.
    public let name: String

    /// The type of its elements.
    public let dtype: DType

    /// Its dimensions, outermost first; empty for a scalar.
    public let shape: [Int]

    /// Elements from one to the next along each dimension.
    public let strides: [Int]

    /// Its first element within the storage, in elements.
    public let offset: Int

    /// The record that holds the storage, as `data/0`; tensors of equal records share memory.
    public let record: String

    /// The number of its elements.
    public let count: Int

    /// The bytes of its elements in row-major order.
    public var byteCount: Int { count * dtype.byteCount }

    /// Whether its elements lie in row-major order without gaps.
    public var isContiguous: Bool {
        var step = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            guard stride == step else { return count == 0 }
            step *= size
        }
        return true
    }

    /// Whether another tensor shows the same elements in the same order.
    public func isSame(as other: TorchFileEntry) -> Bool {
        (record, offset, shape, strides) == (other.record, other.offset, other.shape, other.strides)
    }
}

extension TorchFileEntry {
    /// A tensor that lies inside its storage, or the reason why it does not.
    ///
    /// - Parameter capacity: the storage's elements.
    static func checked(
        name: String, dtype: DType, shape: [Int], strides: [Int], offset: Int, record: String, capacity: Int
    ) -> Result<TorchFileEntry, Problem> {
        guard shape.count == strides.count else {
            return .failure("it has \(shape.count) sizes and \(strides.count) strides")
        }
        guard let bytes = dtype.safetensors.byteCount(shape: shape) else {
            return .failure("no tensor can have the shape \(shape)")
        }
        let count = bytes / dtype.byteCount
        // An expanded tensor repeats elements with stride 0; a few bytes of file could so ask for any amount of memory.
        guard count <= capacity else {
            return .failure("\(count) elements over a storage of \(capacity); save it `.contiguous()`")
        }
        guard offset >= 0, offset <= capacity else { return .failure("it begins outside its storage") }
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

    /// Why a tensor is refused.
    struct Problem: Error, ExpressibleByStringInterpolation {
        let text: String
        init(stringLiteral text: String) { self.text = text }
    }

    /// The elements in row-major order, out of the storage's bytes.
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
        // The outer axes count like the digits of a number.
        var digits = [Int](repeating: 0, count: max(0, shape.count - 1))
        var (start, written) = (offset, 0)
        while written < count {
            for column in 0..<rowLength {
                let element = storage.loadUnaligned(fromByteOffset: (start + column * rowStride) * width, as: type)
                target.storeBytes(of: element, toByteOffset: (written + column) * width, as: type)
            }
            written += rowLength
            var axis = digits.count - 1
            while axis >= 0 {
                digits[axis] += 1
                start += strides[axis]
                if digits[axis] < shape[axis] { break }
                start -= digits[axis] * strides[axis]
                digits[axis] = 0
                axis -= 1
            }
        }
    }
}
