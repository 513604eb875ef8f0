import ForetokenFiles

extension SafetensorsError: CustomStringConvertible {
    /// The message: what is wrong, where, and what to do next.
    public var description: String {
        switch self {
        case .cannotRead(let file, let reason):
            "\(file): cannot read it: \(reason)"
        case .tooShort(let file, let bytes):
            "\(file): only \(bytes) bytes, too short for a safetensors file; is the download complete?"
        case .headerTooLarge(let file, let declared, let limit):
            "\(file): its header claims \(declared) bytes, more than the limit of \(limit); is it a safetensors file?"
        case .headerBeyondEnd(let file, let declared, let bytes):
            "\(file): its header claims \(declared) bytes in a file of \(bytes); it is truncated or not a safetensors file"
        case .headerIsNotAnObject(let file):
            "\(file): the header does not begin with '{'; it is not a safetensors file"
        case .malformedHeader(let file, let tensor, let byte, let problem):
            "\(location(file, tensor)): the header is damaged at byte \(byte): \(problem)"
        case .missingField(let file, let tensor, let field):
            "\(location(file, tensor)): the header has no complete \(field) for it; write the file again"
        case .unknownDType(let file, let tensor, let dtype):
            "\(location(file, tensor)): unknown dtype \(dtype.quotedForMessage()); "
                + "known types: \(SafetensorsDType.allCases.map(\.rawValue).joined(separator: ", "))"
        case .impossibleShape(let file, let tensor, let dtype, let shape):
            "\(location(file, tensor)): \(shape) is not a valid shape for \(dtype.rawValue)"
        case .wrongByteCount(let file, let tensor, let dtype, let shape, let expected, let found):
            "\(location(file, tensor)): \(dtype.rawValue) of shape \(shape) takes \(expected) bytes, there are \(found)"
        case .reversedOffsets(let file, let tensor, let begin, let end):
            "\(location(file, tensor)): its bytes end at \(end) before they begin at \(begin)"
        case .bytesBeyondEnd(let file, let tensor, let end, let available):
            "\(location(file, tensor)): its bytes end at \(end), the file's at \(available); is the download complete?"
        case .hole(let file, let tensor, let begin, let expected):
            "\(location(file, tensor)): begins at \(begin), but the previous tensor ends at \(expected); the format allows no gap"
        case .overlap(let file, let tensor, let begin, let expected):
            "\(location(file, tensor)): begins at \(begin), inside the previous tensor, which ends at \(expected)"
        case .unclaimedBytes(let file, let bytes):
            "\(file): \(bytes) bytes after the last tensor belong to no tensor; the format does not allow that"
        case .duplicateTensor(let file, let tensor):
            "\(location(file, tensor)): the name appears twice"
        case .noSuchTensor(let file, let tensor):
            "\(location(file, tensor)): there is no tensor of this name"
        case .reservedName(let file, let tensor):
            "\(location(file, tensor)): this name is reserved by the format; rename the tensor"
        case .fileTooLarge(let file):
            "\(file): the tensors do not fit the maximum size of a file"
        case .cannotWrite(let file, let action, let written, let total, let reason):
            "\(file): cannot \(action) it: \(reason) (\(written) of \(total) bytes written; "
                + "the partial file was removed, and any existing file of this name is unchanged)"
        case .noCheckpoint(let folder, let file, let index):
            "\(folder): contains neither \(file) nor \(index)"
        case .ambiguousCheckpoint(let folder, let file, let index):
            "\(folder): contains both \(file) and \(index); remove the outdated one, or give the path of the file itself"
        case .invalidShardName(let index, let tensor, let shard):
            "\(location(index, tensor)): the shard \(shard.quotedForMessage()) is not the name of a file in the index's folder"
        case .missingShard(let index, let shard, let tensor):
            "\(index): the shard \(shard.quotedForMessage()), which holds \(tensor.quotedForMessage()), is missing; "
                + "download it into the same folder"
        case .tensorNotInShard(let index, let shard, let tensor):
            "\(location(index, tensor)): the index maps it to \(shard.quotedForMessage()), which does not contain it"
        case .tensorNotInIndex(let index, let shard, let tensor, let listedIn):
            "\(location(index, tensor)): \(shard.quotedForMessage()) contains it, but the index "
                + (listedIn.map { "maps it to \($0.quotedForMessage())" } ?? "does not list it")
        case .folderOccupied(let folder, let file):
            "\(folder): already contains \(file.quotedForMessage()) of an earlier checkpoint; "
                + "remove it or write to a new folder"
        case .invalidShardSize(let size):
            "the shard size is \(size); it must be at least 1 byte"
        }
    }

    private func location(_ file: String, _ tensor: String?) -> String {
        tensor.map { "\(file): tensor \($0.quotedForMessage())" } ?? file
    }
}
