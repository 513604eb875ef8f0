import ForetokenFiles

/// An error in a file of `torch.save`.
///
/// `file` is the path as the caller gave it.
public enum TorchFileError: Error, Sendable, Equatable, CustomStringConvertible {
    // MARK: Reading

    /// The file cannot be opened or mapped, or is not a regular file.
    case cannotRead(file: String, reason: String)
    /// A file of another kind, or written by torch before 1.6.
    case notATorchFile(file: String, reason: String)
    /// The zip archive is invalid; `record` is nil for the archive as a whole.
    case damagedArchive(file: String, record: String?, problem: String)
    /// A record's bytes do not match their checksum.
    case wrongChecksum(file: String, record: String)
    /// An opcode that tensors do not need; nothing was executed.
    case refusedOpcode(file: String, byte: Int, opcode: String)
    /// A global that tensors do not need; nothing was imported or called.
    case refusedGlobal(file: String, byte: Int, name: String)
    /// The pickle is invalid; `byte` is an offset in it.
    case damagedPickle(file: String, byte: Int, problem: String)
    /// The file contains something other than a dictionary of tensors; `key` is nil for the top-level value.
    case notATensor(file: String, key: String?, found: String)
    /// A tensor whose sizes, strides and storage are inconsistent.
    case invalidTensor(file: String, tensor: String, problem: String)
    /// A requested tensor does not exist.
    case noSuchTensor(file: String, tensor: String)

    // MARK: Writing

    /// A duplicate name.
    case duplicateTensor(file: String, tensor: String)
    /// A tensor that the format cannot represent: an element type without a torch storage, or an invalid shape.
    case cannotHold(file: String, tensor: String, problem: String)
    /// A system call failed after `written` bytes.
    case cannotWrite(file: String, action: String, written: Int, reason: String)

    /// The message: what is wrong, where, and what to do next.
    public var description: String {
        switch self {
        case .cannotRead(let file, let reason): "\(file): cannot read it: \(reason)"
        case .notATorchFile(let file, let reason): "\(file): not a file of torch.save: \(reason)"
        case .damagedArchive(let file, let record, let problem):
            "\(file): \(record.map { "record \($0.quotedForMessage()): " } ?? "")\(problem); download the file again, or save it "
                + "again with torch.save"
        case .wrongChecksum(let file, let record):
            "\(file): record \(record.quotedForMessage()) does not match its checksum; the file is damaged: download it again"
        case .refusedOpcode(let file, let byte, let opcode):
            "\(file): data.pkl, byte \(byte): opcode \(opcode) is not supported; save only a dictionary of tensors, with "
                + "torch.save's default pickle_protocol"
        case .refusedGlobal(let file, let byte, let name):
            "\(file): data.pkl, byte \(byte): \(name.quotedForMessage()) is not supported, since nothing in the file is "
                + "executed; save only a dictionary of tensors, as in `torch.save(model.state_dict(), …)`"
        case .damagedPickle(let file, let byte, let problem):
            "\(file): data.pkl, byte \(byte): \(problem); download the file again, or save it again with torch.save"
        case .notATensor(let file, let key, let found):
            "\(file): \(key.map { "\($0.quotedForMessage()) is" } ?? "it contains") \(found), not "
                + (key == nil ? "a dictionary of tensors" : "a tensor")
                + "; save only a dictionary of tensors, as in `torch.save(model.state_dict(), …)`"
        case .invalidTensor(let file, let tensor, let problem):
            "\(file): tensor \(tensor.quotedForMessage()): \(problem)"
        case .noSuchTensor(let file, let tensor): "\(file): there is no tensor \(tensor.quotedForMessage())"
        case .duplicateTensor(let file, let tensor): "\(file): two tensors have the name \(tensor.quotedForMessage())"
        case .cannotHold(let file, let tensor, let problem):
            "\(file): tensor \(tensor.quotedForMessage()): \(problem)"
        case .cannotWrite(let file, let action, let written, let reason):
            "\(file): cannot \(action) it after \(written) bytes: \(reason)"
        }
    }
}
