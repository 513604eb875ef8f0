public import ForetokenFiles

/// What can be wrong with a safetensors file or checkpoint; each case carries what a person needs to act on it.
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
    /// A header that would end after the file.
    case headerBeyondEnd(file: String, declared: Int, bytes: Int)
    /// A header that does not begin with an opening brace.
    case headerIsNotAnObject(file: String)
    /// A header that is not the JSON the format asks for; `byte` counts from the start of the file.
    case malformedHeader(file: String, tensor: String?, byte: Int, problem: JSONProblem)
    /// A tensor without one of its three fields.
    case missingField(file: String, tensor: String, field: String)
    /// A tensor with a field the format does not have.
    case unknownField(file: String, tensor: String, field: String)
    /// An element type this reader does not know.
    case unknownDType(file: String, tensor: String, dtype: String)
    /// A shape whose bytes cannot be counted: too large, negative, or not a whole number of bytes.
    case impossibleShape(file: String, tensor: String, dtype: SafetensorsDType, shape: [Int])
    /// Other bytes than the type and shape need, in a file read or from a closure that provides them.
    case wrongByteCount(
        file: String, tensor: String, dtype: SafetensorsDType, shape: [Int], expected: Int, found: Int)
    /// Offsets that end before they begin.
    case reversedOffsets(file: String, tensor: String, begin: Int, end: Int)
    /// Offsets that end after the file, which is what a truncated download looks like.
    case bytesBeyondEnd(file: String, tensor: String, end: Int, available: Int)
    /// Bytes before a tensor that belong to none.
    case hole(file: String, tensor: String, begin: Int, expected: Int)
    /// A tensor that begins inside the one before it.
    case overlap(file: String, tensor: String, begin: Int, expected: Int)
    /// Bytes after the last tensor.
    case unclaimedBytes(file: String, bytes: Int)
    /// A name twice.
    case duplicateTensor(file: String, tensor: String)
    /// A tensor asked for that is not there.
    case noSuchTensor(file: String, tensor: String)

    // MARK: Writing a file

    /// A tensor named like the header's own key.
    case reservedName(file: String, tensor: String)
    /// More bytes than a file can have.
    case fileTooLarge(file: String)
    /// The system refused; `written` of `total` bytes had arrived.
    case cannotWrite(file: String, action: String, written: Int, total: Int, reason: String)

    // MARK: Checkpoints of several files

    /// Neither the single file nor the index is there.
    case noCheckpoint(folder: String, file: String, index: String)
    /// Both are there, and they may differ.
    case ambiguousCheckpoint(folder: String, file: String, index: String)
    /// An index that sends a tensor to something other than a file beside it.
    case invalidShardName(index: String, tensor: String, shard: String)
    /// A shard the index names that is not there.
    case missingShard(index: String, shard: String, tensor: String)
    /// A tensor the index places in a shard that does not hold it.
    case tensorNotInShard(index: String, shard: String, tensor: String)
    /// A tensor in a shard that the index does not place there.
    case tensorNotInIndex(index: String, shard: String, tensor: String, listedIn: String?)
    /// Files of an earlier checkpoint where a new one is to go.
    case folderOccupied(folder: String, file: String)
    /// A shard size of nothing.
    case invalidShardSize(Int)
}
