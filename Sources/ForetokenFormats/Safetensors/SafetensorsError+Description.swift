import ForetokenFiles

extension SafetensorsError: CustomStringConvertible {
    /// The sentence shown to a person: what is wrong, where, and what to do next.
    public var description: String {
        switch self {
        case .cannotRead(let file, let reason):
            "\(file): cannot read it: \(reason)"
        case .tooShort(let file, let bytes):
            "\(file): only \(bytes) bytes, too short for a safetensors file; is the download complete?"
        case .headerTooLarge(let file, let declared, let limit):
            "\(file): a header of \(declared) bytes, more than the \(limit) allowed; is it a safetensors file?"
        case .headerBeyondEnd(let file, let declared, let bytes):
            "\(file): a header of \(declared) bytes in a file of \(bytes); it is truncated or not a safetensors file"
        case .headerIsNotAnObject(let file):
            "\(file): the header does not begin with '{'; it is not a safetensors file"
        case .malformedHeader(let file, let tensor, let byte, let problem):
            "\(place(file, tensor)): the header is damaged at byte \(byte): \(problem)"
        case .missingField(let file, let tensor, let field):
            "\(place(file, tensor)): the header does not give its \(field) in full; write the file anew"
        case .unknownField(let file, let tensor, let field):
            "\(place(file, tensor)): the header has a field \(field.quotedForMessage()) that the format does not know"
        case .unknownDType(let file, let tensor, let dtype):
            "\(place(file, tensor)): unknown dtype \(dtype.quotedForMessage()); "
                + "known are \(SafetensorsDType.allCases.map(\.rawValue).joined(separator: ", "))"
        case .impossibleShape(let file, let tensor, let dtype, let shape):
            "\(place(file, tensor)): no tensor of \(dtype.rawValue) can have the shape \(shape)"
        case .wrongByteCount(let file, let tensor, let dtype, let shape, let expected, let found):
            "\(place(file, tensor)): \(dtype.rawValue) of shape \(shape) takes \(expected) bytes, there are \(found)"
        case .reversedOffsets(let file, let tensor, let begin, let end):
            "\(place(file, tensor)): its bytes end at \(end) before they begin at \(begin)"
        case .bytesBeyondEnd(let file, let tensor, let end, let available):
            "\(place(file, tensor)): its bytes end at \(end), the file's at \(available); is the download complete?"
        case .hole(let file, let tensor, let begin, let expected):
            "\(place(file, tensor)): begins at \(begin), the one before ends at \(expected); the format allows no hole"
        case .overlap(let file, let tensor, let begin, let expected):
            "\(place(file, tensor)): begins at \(begin), inside the tensor before it, which ends at \(expected)"
        case .unclaimedBytes(let file, let bytes):
            "\(file): \(bytes) bytes after the last tensor belong to none; the format allows no hole"
        case .duplicateTensor(let file, let tensor):
            "\(place(file, tensor)): the name appears twice"
        case .noSuchTensor(let file, let tensor):
            "\(place(file, tensor)): there is no tensor of this name"
        case .reservedName(let file, let tensor):
            "\(place(file, tensor)): the format keeps this name for itself; rename the tensor"
        case .fileTooLarge(let file):
            "\(file): the tensors take more bytes than a file can have"
        case .cannotWrite(let file, let action, let written, let total, let reason):
            "\(file): cannot \(action) it: \(reason) (\(written) of \(total) bytes written; "
                + "the partial file is removed, what had this name before is untouched)"
        case .noCheckpoint(let folder, let file, let index):
            "\(folder): holds neither \(file) nor \(index)"
        case .ambiguousCheckpoint(let folder, let file, let index):
            "\(folder): holds both \(file) and \(index); remove the one that is out of date, or name the file itself"
        case .invalidShardName(let index, let tensor, let shard):
            "\(place(index, tensor)): the shard \(shard.quotedForMessage()) is not the plain name of a file beside it"
        case .missingShard(let index, let shard, let tensor):
            "\(index): the shard \(shard.quotedForMessage()), which holds \(tensor.quotedForMessage()), is missing; "
                + "download it into the same folder"
        case .tensorNotInShard(let index, let shard, let tensor):
            "\(place(index, tensor)): the index places it in \(shard.quotedForMessage()), which does not hold it"
        case .tensorNotInIndex(let index, let shard, let tensor, let listedIn):
            "\(place(index, tensor)): \(shard.quotedForMessage()) holds it, but the index "
                + (listedIn.map { "places it in \($0.quotedForMessage())" } ?? "does not list it")
        case .folderOccupied(let folder, let file):
            "\(folder): already holds \(file.quotedForMessage()) of an earlier checkpoint; "
                + "remove it or write to a new folder"
        case .invalidShardSize(let size):
            "a shard of \(size) bytes holds nothing; give a size of one byte or more"
        }
    }

    private func place(_ file: String, _ tensor: String?) -> String {
        tensor.map { "\(file): tensor \($0.quotedForMessage())" } ?? file
    }
}
