import ForetokenFiles

/// An error in a model or its folder.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An invalid configuration.
    case impossible(String)
    /// A folder is neither a run nor a model.
    case noModel(String)
    /// A name of the Hugging Face Hub that is not in the cache of downloads.
    case notDownloaded(name: String, cache: String)
    /// A link in a model folder leads out of it.
    case foreignLink(file: String, target: String)
    /// The folder lacks a required file.
    case notAModelFolder(folder: String, missing: String)
    /// A configuration key has an unsupported value.
    case unsupported(file: String, key: String, value: String)
    /// A configuration key, or its absence, indicates an unsupported model; `supported` lists the supported values.
    case otherModel(file: String, key: String, value: String, supported: String)
    /// Two files of the folder disagree.
    case disagreement(file: String, key: String, found: String, expected: String)
    /// A parameter has no tensor in the folder.
    case missingTensor(file: String, tensor: String)
    /// The folder holds a tensor that belongs to no parameter.
    case unknownTensor(file: String, tensor: String)
    /// A tensor's shape differs from its parameter's.
    case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])
    /// A tensor's element type is not a weight type.
    case wrongType(file: String, tensor: String, found: String)
    /// A file operation failed.
    case system(file: String, action: String, reason: String)

    /// The message: what is wrong, where, and what to do next.
    public var description: String {
        switch self {
        case .impossible(let sentence): sentence
        case .noModel(let folder):
            "\(folder): neither a run with a checkpoint nor a model folder; `foretoken train` makes one"
        case .notDownloaded(let name, let cache):
            "\(name): no such folder, and no download of a model of that name in \(cache); models are not downloaded here: "
                + "run `hf download \(name) --local-dir FOLDER` and give FOLDER, or set HF_HOME to the cache that holds it"
        case .foreignLink(let file, let target):
            "\(file): a link to \(target.quotedForMessage(limit: 200)), outside the model's folder, which is not followed; put "
                + "the file itself there"
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
            "\(file): tensor '\(tensor)' has shape \(found); the configuration requires \(expected)"
        case .wrongType(let file, let tensor, let found):
            "\(file): tensor '\(tensor)' has element type \(found); weights must be F64, F32, F16 or BF16"
        case .system(let file, let action, let reason): "\(file): cannot \(action) it: \(reason)"
        }
    }
}
