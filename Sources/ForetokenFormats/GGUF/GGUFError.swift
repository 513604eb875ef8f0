import ForetokenFiles

/// An error of a GGUF file.
public enum GGUFError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A system call failed; `action` is the failed action.
    case cannotWrite(file: String, action: String, reason: String)
    /// A system call failed; `action` is the failed action.
    case cannotRead(file: String, action: String, reason: String)
    /// The file does not start like a GGUF file.
    case notGGUF(file: String, reason: String)
    /// The file ends inside something.
    case truncated(file: String, what: String, byte: Int)
    /// Something is invalid at a byte.
    case malformed(file: String, what: String, byte: Int)
    /// A metadata key is missing, or has a value of another type or one that is not supported.
    case metadata(file: String, key: String, reason: String)
    /// A tensor's description is invalid.
    case tensor(file: String, tensor: String, reason: String)
    /// A tensor's element type is not supported.
    case unsupportedType(file: String, tensor: String, type: String)
    /// There is no such tensor.
    case noSuchTensor(file: String, tensor: String)

    /// The message: what is wrong, where, and what to do next.
    public var description: String {
        switch self {
        case .cannotWrite(let file, let action, let reason), .cannotRead(let file, let action, let reason):
            return "\(file): cannot \(action) it: \(reason)"
        case .notGGUF(let file, let reason):
            return "\(file): not a GGUF file that can be read: \(reason)"
        case .truncated(let file, let what, let byte):
            return "\(file): the file ends inside \(what.shortenedForMessage(limit: 200)) at byte \(byte); "
                + "is the download complete?"
        case .malformed(let file, let what, let byte):
            return
                "\(file): \(what.shortenedForMessage(limit: 200)) at byte \(byte); get the file again from its source"
        case .metadata(let file, let key, let reason):
            return "\(file): \(key.shortenedForMessage(limit: 200)): \(reason.shortenedForMessage(limit: 400))"
        case .tensor(let file, let tensor, let reason):
            return "\(file): tensor \(tensor.quotedForMessage()): \(reason); get the file again from its source"
        case .unsupportedType(let file, let tensor, let type):
            let supported = GGUFType.allCases.map(\.name).joined(separator: ", ")
            return "\(file): tensor \(tensor.quotedForMessage()) has element type \(type), which is not supported; "
                + "supported: \(supported). Quantize the model to one of them, for example with llama-quantize"
        case .noSuchTensor(let file, let tensor):
            return "\(file): no tensor \(tensor.quotedForMessage())"
        }
    }
}
