public import ForetokenFormats
public import ForetokenPlatform

/// A model format for interchange with other programs.
///
/// To add one, conform a type to this protocol and add a case to ``InterchangeFormat``.
public protocol CheckpointFormat {
    /// Whether a file or folder looks like this format, judged by file names alone; nothing is read.
    static func recognizes(_ url: URL) -> Bool

    /// Opens a model and checks that it is complete.
    ///
    /// - Throws: an error that names the file.
    static func source(at url: URL) throws -> any WeightSource

    /// The number of a model's heads, from head 1 on, that the format can represent.
    ///
    /// - Throws: ``ConversionError/unsupported(format:what:)`` for a model that it cannot represent.
    static func heads(of configuration: ModelConfiguration) throws -> Int

    /// Writes a model with ``heads(of:)`` heads to a new file or folder.
    ///
    /// - Returns: notes on what was lost, in sentences.
    /// - Throws: an error that names the file.
    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String]
}

/// The formats of `foretoken convert --to`.
public enum InterchangeFormat: String, Sendable, CaseIterable {
    /// A model folder with all heads.
    case foretoken
    /// A Hugging Face folder of head 1.
    case hf
    /// A Hugging Face folder of heads 1 and 2, in the form of MiMo-7B's layer for multi-token prediction.
    case mimo
    /// A GGUF file of head 1, as llama.cpp reads it.
    case gguf
    /// Meta's released multi-token format, with all heads.
    case meta

    var type: any CheckpointFormat.Type {
        switch self {
        case .foretoken: ForetokenFormat.self
        case .hf: HuggingFaceFormat.self
        case .mimo: MiMoFormat.self
        case .gguf: GGUFFormat.self
        case .meta: MetaFormat.self
        }
    }
}

/// The storage type of weights in a converted file.
public enum StorageType: String, Sendable, CaseIterable {
    /// float32.
    case f32
    /// IEEE half precision.
    case f16
    /// bfloat16.
    case bf16
    /// 8 bits with one scale per 32 weights; GGUF only.
    case q8 = "q8_0"

    /// The element format; nil for ``q8``.
    public var format: StorageFormat? {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q8: nil
        }
    }
}

/// The options of a conversion.
public struct ConversionOptions: Sendable {
    /// The storage type of the weights; unchanged if nil.
    public var storage: StorageType?
    /// n': keep heads 1...n'; all if nil.
    public var heads: Int?
    /// Whether heads that the format cannot represent may be dropped.
    public var dropHeads: Bool
    /// The maximum size of one safetensors file, in bytes.
    public var shardBytes: Int

    /// Creates options.
    public init(
        storage: StorageType? = nil, heads: Int? = nil, dropHeads: Bool = false,
        shardBytes: Int = SafetensorsCheckpoint.defaultShardSize
    ) {
        self.storage = storage
        self.heads = heads
        self.dropHeads = dropHeads
        self.shardBytes = shardBytes
    }

    /// The element format to write, nil if unchanged; throws for ``StorageType/q8``.
    func format(for interchange: InterchangeFormat) throws(ConversionError) -> StorageFormat? {
        guard let storage else { return nil }
        guard let format = storage.format else {
            throw .unsupported(
                format: interchange.rawValue, what: "element type \(storage.rawValue); use f32, f16 or bf16")
        }
        return format
    }
}
