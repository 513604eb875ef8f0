import ForetokenFiles

/// What can be wrong with a file of `torch.save`; each case carries what a person needs to act on it.
///
/// `file` is the path as the caller gave it.
public enum TorchFileError: Error, Sendable, Equatable, CustomStringConvertible {
    // MARK: Reading

    /// The file cannot be opened or mapped, or is not a regular file.
    case cannotRead(file: String, reason: String)
    /// A file of another kind, or of a torch before 1.6.
    case notATorchFile(file: String, reason: String)
    /// The zip archive breaks a rule of its format, at a record or as a whole.
    case damagedArchive(file: String, record: String?, problem: String)
    /// A record's bytes are not the ones that were written.
    case wrongChecksum(file: String, record: String)
    /// An instruction of the pickle that tensors do not need; nothing of it was carried out.
    case refusedOpcode(file: String, byte: Int, opcode: String)
    /// A name of the pickle that tensors do not need; nothing was imported or called.
    case refusedGlobal(file: String, byte: Int, name: String)
    /// The pickle breaks a rule of its format; `byte` counts from its start.
    case damagedPickle(file: String, byte: Int, problem: String)
    /// The file holds something else than a dictionary of tensors; `key` is nil for the whole.
    case notATensor(file: String, key: String?, found: String)
    /// A tensor whose sizes, strides and storage contradict each other.
    case invalidTensor(file: String, tensor: String, problem: String)
    /// A tensor asked for that is not there.
    case noSuchTensor(file: String, tensor: String)

    // MARK: Writing

    /// A name twice.
    case duplicateTensor(file: String, tensor: String)
    /// An element type that torch has no storage for, or a shape whose bytes cannot be counted.
    case cannotHold(file: String, tensor: String, problem: String)
    /// The system refused; `written` bytes had arrived.
    case cannotWrite(file: String, action: String, written: Int, reason: String)

    /// The sentence shown to a person: what is wrong, where, and what to do next.
    public var description: String {
        switch self {
        case .cannotRead(let file, let reason): "\(file): cannot read it: \(reason)"
        case .notATorchFile(let file, let reason): "\(file): not a file of torch.save: \(reason)"
        case .damagedArchive(let file, let record, let problem):
            "\(file): \(record.map { "record \($0.quotedForMessage()): " } ?? "")\(problem); get the file again, or save it "
                + "again with torch.save"
        case .wrongChecksum(let file, let record):
            "\(file): record \(record.quotedForMessage()) has not the checksum it was written with; the file is damaged: "
                + "get it again"
        case .refusedOpcode(let file, let byte, let opcode):
            "\(file): data.pkl, byte \(byte): opcode \(opcode) is not one that tensors need; save a dictionary of tensors "
                + "alone, with torch.save's own pickle_protocol"
        case .refusedGlobal(let file, let byte, let name):
            "\(file): data.pkl, byte \(byte): \(name.quotedForMessage()) is not one of the names that tensors need, and "
                + "nothing is ever executed; save a dictionary of tensors alone, as `torch.save(model.state_dict(), …)`"
        case .damagedPickle(let file, let byte, let problem):
            "\(file): data.pkl, byte \(byte): \(problem); get the file again, or save it again with torch.save"
        case .notATensor(let file, let key, let found):
            "\(file): \(key.map { "\($0.quotedForMessage()) is" } ?? "it holds") \(found), not "
                + (key == nil ? "a dictionary of tensors" : "a tensor")
                + "; save a dictionary of tensors alone, as `torch.save(model.state_dict(), …)`"
        case .invalidTensor(let file, let tensor, let problem):
            "\(file): tensor \(tensor.quotedForMessage()): \(problem)"
        case .noSuchTensor(let file, let tensor): "\(file): there is no tensor \(tensor.quotedForMessage())"
        case .duplicateTensor(let file, let tensor): "\(file): two tensors are called \(tensor.quotedForMessage())"
        case .cannotHold(let file, let tensor, let problem):
            "\(file): tensor \(tensor.quotedForMessage()): \(problem)"
        case .cannotWrite(let file, let action, let written, let reason):
            "\(file): cannot \(action) it after \(written) bytes: \(reason)"
        }
    }
}
