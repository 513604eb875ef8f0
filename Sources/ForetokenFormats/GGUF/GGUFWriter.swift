import ForetokenFiles
package import ForetokenPlatform

/// A metadata value in a GGUF file.
package enum GGUFValue {
    case uint32(Int)
    case float32(Double)
    case bool(Bool)
    case string(String)
    case int32s([Int32])
    case floats([Float])
    case strings([String])

    /// The type's number in the format.
    fileprivate var type: UInt32 {
        switch self {
        case .uint32: 4
        case .float32: 6
        case .bool: 7
        case .string: 8
        case .int32s, .floats, .strings: 9
        }
    }
}

/// A tensor to be written to a GGUF file.
package struct GGUFTensor {
    package let name: String
    /// Sizes of the axes, outermost first, as in PyTorch.
    package let shape: [Int]
    package let type: GGUFType
    package let byteCount: Int
    /// Calls its argument with the tensor's bytes, in one or more pieces.
    package let write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    package init(
        name: String, shape: [Int], type: GGUFType, byteCount: Int,
        write: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
        self.name = name
        self.shape = shape
        self.type = type
        self.byteCount = byteCount
        self.write = write
    }
}

/// Writes GGUF, version 3 (ggml/docs/gguf.md): little-endian, tensors aligned to 32 bytes.
package enum GGUFWriter {
    private static let alignment = 32

    package static func write(to url: URL, metadata: [(String, GGUFValue)], tensors: [GGUFTensor]) throws {
        let writer: AtomicFileWriter
        do throws(FileFailure) {
            writer = try AtomicFileWriter(destination: url)
            try writer.append(header(metadata, tensors))
        } catch {
            throw failure(url, error)
        }
        for tensor in tensors {
            var written = 0
            try tensor.write { bytes in
                written += bytes.count
                do throws(FileFailure) { try writer.append(bytes) } catch { throw failure(url, error) }
            }
            precondition(written == tensor.byteCount, "\(tensor.name): \(written) bytes of \(tensor.byteCount)")
            do throws(FileFailure) {
                try writer.append([UInt8](repeating: 0, count: padding(written)))
            } catch {
                throw failure(url, error)
            }
        }
        do throws(FileFailure) { try writer.commit() } catch { throw failure(url, error) }
    }

    private static func failure(_ url: URL, _ failure: FileFailure) -> GGUFError {
        .cannotWrite(file: url.relativePath, action: failure.action, reason: failure.reason)
    }

    private static func padding(_ bytes: Int) -> Int { (alignment - bytes % alignment) % alignment }

    private static func header(_ metadata: [(String, GGUFValue)], _ tensors: [GGUFTensor]) -> [UInt8] {
        var bytes = Array("GGUF".utf8)
        func append<Integer: FixedWidthInteger>(_ value: Integer) {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        func append(_ text: String) {
            append(UInt64(text.utf8.count))
            bytes += text.utf8
        }
        append(UInt32(3))
        append(UInt64(tensors.count))
        append(UInt64(metadata.count))
        for (key, value) in metadata {
            append(key)
            append(value.type)
            switch value {
            case .uint32(let number): append(UInt32(clamping: number))
            case .float32(let number): append(Float(number).bitPattern)
            case .bool(let flag): append(UInt8(flag ? 1 : 0))
            case .string(let text): append(text)
            case .int32s(let numbers):
                append(UInt32(5))
                append(UInt64(numbers.count))
                for number in numbers { append(number) }
            case .floats(let numbers):
                append(UInt32(6))
                append(UInt64(numbers.count))
                for number in numbers { append(number.bitPattern) }
            case .strings(let texts):
                append(GGUFValue.string("").type)
                append(UInt64(texts.count))
                for text in texts { append(text) }
            }
        }
        var offset = 0
        for tensor in tensors {
            append(tensor.name)
            append(UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { append(UInt64(size)) }
            append(tensor.type.rawValue)
            append(UInt64(offset))
            offset += tensor.byteCount + padding(tensor.byteCount)
        }
        bytes += [UInt8](repeating: 0, count: padding(bytes.count))
        return bytes
    }
}

extension AtomicFileWriter {
    fileprivate func append(_ bytes: [UInt8]) throws(FileFailure) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, FileFailure> in
            do throws(FileFailure) { return .success(try append(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
