public import ForetokenFiles

/// An error in a safetensors file or checkpoint.
///
/// `file` is the path as the caller gave it.
public enum SafetensorsError: Error, Sendable, Equatable {
    // MARK: Reading a file

    /// The file cannot be opened or mapped, or is not a regular file.
    case cannotRead(file: String, reason: String)
    /// Fewer than the eight bytes of the header's length.
    case tooShort(file: String, bytes: Int)
    /// A header longer than the format allows.
    case headerTooLarge(file: String, declared: UInt64, limit: Int)
    /// A header that extends beyond the end of the file.
    case headerBeyondEnd(file: String, declared: Int, bytes: Int)
    /// A header that does not begin with an opening brace.
    case headerIsNotAnObject(file: String)
    /// A header that is not the JSON required by the format; `byte` is the offset in the file.
    case malformedHeader(file: String, tensor: String?, byte: Int, problem: JSONProblem)
    /// A tensor without one of its three fields.
    case missingField(file: String, tensor: String, field: String)
    /// An unknown element type.
    case unknownDType(file: String, tensor: String, dtype: String)
    /// An invalid shape: too large, negative, or not a whole number of bytes.
    case impossibleShape(file: String, tensor: String, dtype: SafetensorsDType, shape: [Int])
    /// A number of bytes that does not match the type and shape, in a file or from a tensor's closure.
    case wrongByteCount(
        file: String, tensor: String, dtype: SafetensorsDType, shape: [Int], expected: Int, found: Int)
    /// Offsets that end before they begin.
    case reversedOffsets(file: String, tensor: String, begin: Int, end: Int)
    /// Offsets beyond the end of the file, as in a truncated download.
    case bytesBeyondEnd(file: String, tensor: String, end: Int, available: Int)
    /// Bytes before a tensor that belong to no tensor.
    case hole(file: String, tensor: String, begin: Int, expected: Int)
    /// A tensor that begins inside the one before it.
    case overlap(file: String, tensor: String, begin: Int, expected: Int)
    /// Bytes after the last tensor.
    case unclaimedBytes(file: String, bytes: Int)
    /// A duplicate name.
    case duplicateTensor(file: String, tensor: String)
    /// A requested tensor does not exist.
    case noSuchTensor(file: String, tensor: String)

    // MARK: Writing a file

    /// A tensor has the name of the header's metadata key.
    case reservedName(file: String, tensor: String)
    /// The tensors exceed the maximum size of a file.
    case fileTooLarge(file: String)
    /// A system call failed after `written` of `total` bytes.
    case cannotWrite(file: String, action: String, written: Int, total: Int, reason: String)

    // MARK: Checkpoints of several files

    /// Neither the single file nor the index exists.
    case noCheckpoint(folder: String, file: String, index: String)
    /// Both exist, and they may differ.
    case ambiguousCheckpoint(folder: String, file: String, index: String)
    /// The index maps a tensor to something other than a file in its folder.
    case invalidShardName(index: String, tensor: String, shard: String)
    /// A shard named by the index does not exist.
    case missingShard(index: String, shard: String, tensor: String)
    /// The index maps a tensor to a shard that does not contain it.
    case tensorNotInShard(index: String, shard: String, tensor: String)
    /// A shard contains a tensor that the index does not map to it.
    case tensorNotInIndex(index: String, shard: String, tensor: String, listedIn: String?)
    /// The destination folder contains files of an earlier checkpoint.
    case folderOccupied(folder: String, file: String)
    /// A shard size below 1.
    case invalidShardSize(Int)
}
