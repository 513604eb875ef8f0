import ForetokenFiles

/// What can be wrong with a model or its folder.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Sizes that make no model.
    case impossible(String)
    /// A folder is neither a run nor a model.
    case noModel(String)
    /// The folder lacks a file that every model folder has.
    case notAModelFolder(folder: String, missing: String)
    /// A key of a configuration file has a value that this version cannot use.
    case unsupported(file: String, key: String, value: String)
    /// A key's value, or its absence, says that the model is one that this version does not compute.
    case otherModel(file: String, key: String, value: String, supported: String)
    /// Two files of the folder disagree.
    case disagreement(file: String, key: String, found: String, expected: String)
    /// A parameter has no tensor in the folder.
    case missingTensor(file: String, tensor: String)
    /// The folder holds a tensor that no parameter takes.
    case unknownTensor(file: String, tensor: String)
    /// A tensor's shape is not its parameter's.
    case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])
    /// A tensor's element type is none for weights.
    case wrongType(file: String, tensor: String, found: String)

    /// What is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .impossible(let sentence): sentence
        case .noModel(let folder):
            "\(folder): neither a run with a checkpoint nor a model folder; `foretoken train` makes one"
        case .notAModelFolder(let folder, let missing):
            "\(folder): not a Foretoken model folder (no \(missing)); give a run or model folder that "
                + "`foretoken train` wrote, or a checkpoint of Hugging Face's"
        case .unsupported(let file, let key, let value):
            "\(file): \(key): '\(value)' is not supported by this version"
        case .otherModel(let file, let key, let value, let supported):
            "\(file): \(key): \(value.shortenedForMessage(limit: 200)) is not supported; supported: \(supported)"
        case .disagreement(let file, let key, let found, let expected):
            "\(file): \(key) is \(found) but \(expected) was expected; the folder's files belong to different models"
        case .missingTensor(let file, let tensor):
            "\(file): tensor '\(tensor)' is missing; the file is incomplete or of another model: copy the folder again"
        case .unknownTensor(let file, let tensor):
            "\(file): tensor '\(tensor)' belongs to no parameter of this model; config.json and the weights disagree"
        case .wrongShape(let file, let tensor, let found, let expected):
            "\(file): tensor '\(tensor)' has shape \(found), the configuration needs \(expected)"
        case .wrongType(let file, let tensor, let found):
            "\(file): tensor '\(tensor)' has element type \(found); weights are F64, F32, F16 or BF16"
        }
    }
}
