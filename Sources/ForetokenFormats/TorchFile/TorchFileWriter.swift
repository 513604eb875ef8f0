import ForetokenFiles
public import ForetokenPlatform

/// Writes a dictionary of tensors as a file for `torch.load(weights_only=True)`, by streaming: only the pickle and a small buffer
/// are held in memory.
public enum TorchFileWriter {
    /// Writes the tensors in the given order, atomically: temporary name, sync, rename.
    ///
    /// - Parameters:
    ///   - url: The file to write; an existing one is replaced.
    ///   - tensors: The tensors in order, with unique names.
    ///   - shared: Aliases, from new name to the name of a tensor in `tensors`; in torch both share memory.
    /// - Throws: ``TorchFileError``, and errors of the tensors' closures.
    public static func write(to url: URL, tensors: [SafetensorsSource], shared: [String: String] = [:]) throws {
        let file = url.relativePath
        let pickle = try pickle(tensors, shared: shared, file: file)
        do {
            let writer = try AtomicFileWriter(destination: url)
            do {
                // torch names the archive's folder after the file.
                let folder = url.deletingPathExtension().lastPathComponent
                var zip = ZipWriter(writer)
                try zip.append("\(folder)/data.pkl", pickle)
                try zip.append("\(folder)/byteorder", Array("little".utf8))
                for (index, tensor) in tensors.enumerated() {
                    let size = try byteCount(of: tensor, file: file)
                    var provided = 0
                    try zip.append("\(folder)/data/\(index)", size: size) { write in
                        try tensor.forEachPiece { piece in
                            provided += piece.count
                            guard provided <= size else { throw wrongCount() }
                            try write(piece)
                        }
                        guard provided == size else { throw wrongCount() }
                    }
                    func wrongCount() -> TorchFileError {
                        .cannotHold(
                            file: file, tensor: tensor.name,
                            problem: "its source gave \(provided) bytes instead of \(size)")
                    }
                }
                try zip.append("\(folder)/version", Array("3\n".utf8))
                try zip.finish()
            } catch let failure as FileFailure {
                throw TorchFileError.cannotWrite(
                    file: file, action: failure.action, written: failure.bytesWritten, reason: failure.reason)
            }
        } catch let failure as FileFailure {
            throw TorchFileError.cannotWrite(file: file, action: failure.action, written: 0, reason: failure.reason)
        }
    }

    private static func byteCount(of tensor: SafetensorsSource, file: String) throws(TorchFileError) -> Int {
        guard let count = tensor.dtype.byteCount(shape: tensor.shape), tensor.shape.count <= SafetensorsHeader.rankLimit
        else {
            throw .cannotHold(file: file, tensor: tensor.name, problem: "\(tensor.shape) is not a valid shape")
        }
        return count
    }

    /// The pickle of the dictionary, as torch writes it, but without the memo.
    private static func pickle(
        _ tensors: [SafetensorsSource], shared: [String: String], file: String
    ) throws(TorchFileError) -> [UInt8] {
        var pickle = PickleWriter()
        var names: Set<String> = []
        func append(_ name: String, _ index: Int) throws(TorchFileError) {
            let tensor = tensors[index]
            guard names.insert(name).inserted else { throw .duplicateTensor(file: file, tensor: name) }
            guard let dtype = DType(tensor.dtype) else {
                throw .cannotHold(file: file, tensor: name, problem: "torch has no storage of \(tensor.dtype.rawValue)")
            }
            let byteCount = try byteCount(of: tensor, file: file)
            pickle.append(name)
            pickle.append(
                tensorOf: dtype, storage: String(index), count: byteCount / dtype.byteCount, shape: tensor.shape)
        }
        for (index, tensor) in tensors.enumerated() { try append(tensor.name, index) }
        for (name, other) in shared.sorted(by: { $0.key < $1.key }) {
            guard let index = tensors.firstIndex(where: { $0.name == other }) else {
                throw .noSuchTensor(file: file, tensor: other)
            }
            try append(name, index)
        }
        return pickle.finish()
    }
}

/// Writes the pickle (protocol 2) of a dictionary of tensors.
private struct PickleWriter {
    private var bytes: [UInt8] = []

    init() {
        append(.protocolVersion)
        bytes.append(2)
        append(.emptyDictionary)
        append(.mark)
    }

    private mutating func append(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

    mutating func append(_ text: String) {
        append(.binUnicode)
        bytes.append(littleEndian: UInt32(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func append(_ number: Int) {
        if let small = Int32(exactly: number) {
            append(.binInt)
            bytes.append(littleEndian: small)
        } else {
            append(.long1)
            bytes.append(8)
            bytes.append(littleEndian: Int64(number))
        }
    }

    private mutating func append(global module: String, _ name: String) {
        append(.global)
        bytes += "\(module)\n\(name)\n".utf8
    }

    private mutating func append(tuple numbers: [Int]) {
        append(.mark)
        numbers.forEach { append($0) }
        append(.tuple)
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, row-major.
    mutating func append(tensorOf dtype: DType, storage: String, count: Int, shape: [Int]) {
        var strides = shape
        var step = 1
        for axis in shape.indices.reversed() {
            strides[axis] = step
            step *= max(shape[axis], 1)
        }
        append(global: "torch._utils", "_rebuild_tensor_v2")
        append(.mark)
        append(.mark)
        append("storage")
        append(global: "torch", dtype.storageName)
        append(storage)
        append("cpu")
        append(count)
        append(.tuple)
        append(.persistent)
        append(0)
        append(tuple: shape)
        append(tuple: strides)
        append(.newFalse)
        append(global: "collections", "OrderedDict")
        append(.emptyTuple)
        append(.reduce)
        append(.tuple)
        append(.reduce)
    }

    mutating func finish() -> [UInt8] {
        append(.setItems)
        append(.stop)
        return bytes
    }
}
