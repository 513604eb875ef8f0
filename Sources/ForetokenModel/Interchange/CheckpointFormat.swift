public import ForetokenFormats
public import ForetokenPlatform

/// A format that models are exchanged in.
///
/// To add one: a type of this protocol, and a case of ``InterchangeFormat``.
public protocol CheckpointFormat {
    /// Whether a file or folder looks like one of this format, from the names of its files; nothing is read.
    static func recognizes(_ url: URL) -> Bool

    /// Opens a model and checks that it is whole.
    ///
    /// - Throws: an error that names the file.
    static func source(at url: URL) throws -> any WeightSource

    /// How many of a model's heads, from head 1 on, the format can hold.
    ///
    /// - Throws: ``ConversionError/unsupported(format:what:)`` for a model that it cannot hold at all.
    static func heads(of configuration: ModelConfiguration) throws -> Int

    /// Writes a model with as many heads as ``heads(of:)`` says to a file or an empty folder that it makes, and nothing else.
    ///
    /// - Returns: what did not come along, in sentences.
    /// - Throws: an error that names the file.
    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String]
}

/// The formats of `foretoken convert --to`.
public enum InterchangeFormat: String, Sendable, CaseIterable {
    /// A model folder with all heads.
    case foretoken
    /// A Hugging Face folder of head 1.
    case hf
    /// A GGUF file of head 1, for llama.cpp.
    case gguf
    /// Meta's released multi-token format, with all heads.
    case meta

    var type: any CheckpointFormat.Type {
        switch self {
        case .foretoken: ForetokenFormat.self
        case .hf: HuggingFaceFormat.self
        case .gguf: GGUFFormat.self
        case .meta: MetaFormat.self
        }
    }
}

/// How weights are stored in a file.
public enum StorageType: String, Sendable, CaseIterable {
    /// float32.
    case f32
    /// IEEE half precision.
    case f16
    /// bfloat16.
    case bf16
    /// 8 bits with a scale for 32 weights; GGUF only.
    case q8 = "q8_0"

    /// The format of a weight's elements; nil for ``q8``.
    public var format: StorageFormat? {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q8: nil
        }
    }
}

/// What a conversion is asked for.
public struct ConversionOptions: Sendable {
    /// How weights are stored; as they are if nil.
    public var storage: StorageType?
    /// n': keep heads 1...n'; all if nil.
    public var heads: Int?
    /// Whether heads that the format cannot hold may be left out.
    public var dropHeads: Bool
    /// The most bytes of one safetensors file.
    public var shardBytes: Int

    /// Options.
    public init(
        storage: StorageType? = nil, heads: Int? = nil, dropHeads: Bool = false,
        shardBytes: Int = SafetensorsCheckpoint.defaultShardSize
    ) {
        self.storage = storage
        self.heads = heads
        self.dropHeads = dropHeads
        self.shardBytes = shardBytes
    }

    /// The format to store, nil for as it is; ``StorageType/q8`` is refused.
    func format(for interchange: InterchangeFormat) throws(ConversionError) -> StorageFormat? {
        guard let storage else { return nil }
        guard let format = storage.format else {
            throw .unsupported(
                format: interchange.rawValue, what: "element type \(storage.rawValue); use f32, f16 or bf16")
        }
        return format
    }
}
