import ForetokenFormats
import ForetokenPlatform

/// A GGUF file of head 1, as llama.cpp reads it: architectures `llama`, `qwen2` and `qwen3`.
enum GGUFFormat: CheckpointFormat {
    static func recognizes(_ url: URL) -> Bool { url.pathExtension == "gguf" }

    static func source(at url: URL) throws -> any WeightSource { try GGUFSource(url) }

    static func heads(of configuration: ModelConfiguration) throws -> Int {
        let family = BlockFamily(configuration)
        func refuse(_ what: String) -> ConversionError {
            .unsupported(format: InterchangeFormat.gguf.rawValue, what: what)
        }
        switch configuration.ropeScaling {
        case nil, .linear, .dynamic: break
        case .llama3:
            if family != .llama { throw refuse("Llama 3's RoPE scaling in a \(family.rawValue) model") }
        case .yarn(let yarn):
            if yarn.attentionFactor != nil || !yarn.roundsBounds {
                throw refuse("YaRN with an attention factor or bounds of its own")
            }
        }
        if family != .llama, configuration.feedForwardBias {
            throw refuse("biases of the feed-forward in a \(family.rawValue) model")
        }
        if configuration.slidingWindow != nil { throw refuse("a sliding window") }
        if family == .qwen3, configuration.attentionBias != .none { throw refuse("biases in a qwen3 model") }
        return try HuggingFaceFormat.exportableHeads(of: configuration, for: .gguf)
    }

    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String] {
        let configuration = source.configuration
        let (tokenizer, notes) = ConvertedTokenizer.read(source)
        let vocabulary = try tokenizer.flatMap { try GGUFTokenizer($0, for: configuration) }
        let parameters = try ModelOutline(configuration).parameters
        var tensors = try parameters.map { try tensor($0, of: source, as: options.storage) }
        if case .llama3 = configuration.ropeScaling { tensors.append(GGUFRopeFactors.tensor(configuration)) }
        let type = try type(of: "model.embed_tokens.weight", of: source, as: options.storage, rank: 2)
        let general: [(String, GGUFValue)] = [
            ("general.architecture", .string(BlockFamily(configuration).rawValue)), ("general.type", .string("model")),
            ("general.file_type", .uint32(fileType(type))), ("general.quantization_version", .uint32(2)),
        ]
        try GGUFWriter.write(
            to: url,
            metadata: general + GGUFParameters.metadata(configuration)
                + (vocabulary?.metadata ?? [("tokenizer.ggml.model", .string("no_vocab"))])
                + templates(source),
            tensors: tensors)
        return notes + (vocabulary?.notes ?? ["the file contains no tokenizer: llama.cpp reads and prints token ids"])
    }

    /// llama.cpp's number of a file whose matrices are of one type.
    private static func fileType(_ type: GGUFType) -> Int {
        switch type {
        case .f16: 1
        case .q80: 7
        case .bf16: 32
        default: 0
        }
    }

    /// The chat templates among a source's companions.
    private static func templates(_ source: any WeightSource) throws -> [(String, GGUFValue)] {
        try ChatTemplateFiles.templates(source.companions).map { name, text in
            (name.map { "tokenizer.chat_template.\($0)" } ?? "tokenizer.chat_template", .string(text))
        }
    }

    // MARK: Tensors

    private static func type(
        of parameter: String, of source: any WeightSource, as storage: StorageType?, rank: Int
    ) throws -> GGUFType {
        // As in llama.cpp's converter: norms and biases are stored in float32.
        guard rank == 2 else { return .f32 }
        switch storage {
        case .f32: return .f32
        case .f16: return .f16
        case .bf16: return .bf16
        case .q8: return .q80
        case nil:
            let weight = try source.weight(parameter)
            if let blocks = weight.blocks { return blocks }
            switch weight.format {
            case .f16: return .f16
            case .bf16: return .bf16
            case .f32, .f64: return .f32
            }
        }
    }

    private static func tensor(
        _ parameter: ParameterOutline, of source: any WeightSource, as storage: StorageType?
    ) throws -> GGUFTensor {
        let (name, shape, configuration) = (parameter.name, parameter.shape, source.configuration)
        let type = try type(of: name, of: source, as: storage, rank: shape.count)
        guard let written = GGUFNames.name(of: name) else {
            throw ConversionError.unsupported(
                format: InterchangeFormat.gguf.rawValue, what: "'\(name)', which has no name in that format")
        }
        guard let width = shape.last, let rowBytes = type.byteCount(row: width) else {
            throw ConversionError.unsupported(
                format: InterchangeFormat.gguf.rawValue,
                what: "'\(name)' of shape \(shape) as q8_0, whose rows are multiples of 32; use f16")
        }
        let rows: RowTransform =
            GGUFNames.isPaired(name, BlockFamily(configuration))
            ? .pairsFromHalves(headDimension: configuration.headDimension) : .none
        return GGUFTensor(
            name: written, shape: shape, type: type, byteCount: shape.dropLast().reduce(rowBytes, *)
        ) { write in
            let stored = try source.weight(name)
            if stored.blocks == type { return try source.forEachStoredPiece(of: name, rows: rows, write) }
            let format: StorageFormat = type == .f16 ? .f16 : type == .bf16 ? .bf16 : .f32
            // Pieces are whole rows, and therefore whole blocks.
            try source.forEachPiece(of: name, as: format, rows: rows) { bytes in
                guard type == .q80 else { return try write(bytes) }
                let beyond = ConversionError.beyondRange(file: source.file, tensor: name, type: "q8_0")
                guard format.notFiniteCount(bytes) == 0 else { throw beyond }
                for start in stride(from: 0, to: bytes.count, by: 1 << 22) {
                    let floats = format.floats(
                        UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + 1 << 22)]))
                    guard let blocks = floats.withUnsafeBufferPointer(Q8.encode) else { throw beyond }
                    try blocks.withUnsafeBytes(write)
                }
            }
        }
    }
}
