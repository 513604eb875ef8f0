import ForetokenFormats
import ForetokenPlatform

/// A GGUF file of head 1, for llama.cpp: architectures `llama`, `qwen2` and `qwen3`.
enum GGUFFormat: CheckpointFormat {
    static func recognizes(_ url: URL) -> Bool { url.pathExtension == "gguf" }

    static func source(at url: URL) throws -> any WeightSource {
        throw ConversionError.writeOnly(file: url.relativePath, format: InterchangeFormat.gguf.rawValue)
    }

    static func heads(of configuration: ModelConfiguration) throws -> Int {
        let family = BlockFamily(configuration)
        func refuse(_ what: String) -> ConversionError {
            .unsupported(format: InterchangeFormat.gguf.rawValue, what: what)
        }
        if family != .llama, configuration.ropeScaling != nil {
            throw refuse("RoPE scaling in a \(family.rawValue) model")
        }
        if let scaling = configuration.ropeScaling, scaling.attentionFactor != 1 { throw refuse("YaRN") }
        if configuration.feedForwardBias { throw refuse("biases of the feed-forward") }
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
        if configuration.ropeScaling != nil { tensors.append(rotaryFactors(configuration)) }
        try GGUFFile.write(
            to: url,
            metadata: try metadata(
                source, storage: options.storage, name: url.deletingPathExtension().lastPathComponent)
                + (vocabulary?.metadata ?? [("tokenizer.ggml.model", .string("no_vocab"))]),
            tensors: tensors)
        return notes + (vocabulary?.notes ?? ["the file contains no tokenizer: llama.cpp reads and prints token ids"])
    }

    private static func metadata(
        _ source: any WeightSource, storage: StorageType?, name: String
    ) throws -> [(String, GGUFValue)] {
        let configuration = source.configuration
        let family = BlockFamily(configuration).rawValue
        let type = try type(of: "model.embed_tokens.weight", of: source, as: storage, rank: 2)
        let fileType =
            switch type {
            case .f32: 0
            case .f16: 1
            case .q8: 7
            case .bf16: 32
            }
        return [
            ("general.architecture", .string(family)), ("general.type", .string("model")),
            ("general.file_type", .uint32(fileType)), ("general.quantization_version", .uint32(2)),
            ("\(family).vocab_size", .uint32(configuration.vocabulary)),
            ("\(family).context_length", .uint32(configuration.contextLength)),
            ("\(family).embedding_length", .uint32(configuration.width)),
            ("\(family).block_count", .uint32(configuration.layers)),
            ("\(family).feed_forward_length", .uint32(configuration.feedForwardWidth)),
            ("\(family).attention.head_count", .uint32(configuration.attentionHeads)),
            ("\(family).attention.head_count_kv", .uint32(configuration.keyValueHeads)),
            ("\(family).attention.key_length", .uint32(configuration.headDimension)),
            ("\(family).attention.value_length", .uint32(configuration.headDimension)),
            ("\(family).attention.layer_norm_rms_epsilon", .float32(configuration.normEpsilon)),
            ("\(family).rope.dimension_count", .uint32(configuration.headDimension)),
            ("\(family).rope.freq_base", .float32(configuration.ropeBase)),
        ]
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
        case .q8: return .q8
        case nil:
            switch try source.weight(parameter).format {
            case .f16: return .f16
            case .bf16: return .bf16
            default: return .f32
            }
        }
    }

    private static func tensor(
        _ parameter: ParameterOutline, of source: any WeightSource, as storage: StorageType?
    ) throws -> GGUFTensor {
        let (name, shape, configuration) = (parameter.name, parameter.shape, source.configuration)
        let type = try type(of: name, of: source, as: storage, rank: shape.count)
        guard let width = shape.last, let rowBytes = type.byteCount(row: width) else {
            throw ConversionError.unsupported(
                format: InterchangeFormat.gguf.rawValue,
                what: "'\(name)' of shape \(shape) as q8_0, whose rows are multiples of 32; use f16")
        }
        let isRotary = BlockFamily(configuration) == .llama && (name.contains(".q_proj.") || name.contains(".k_proj."))
        let rows: RowTransform = isRotary ? .pairsFromHalves(headDimension: configuration.headDimension) : .none
        let format: StorageFormat = type == .f16 ? .f16 : type == .bf16 ? .bf16 : .f32
        return GGUFTensor(
            name: self.name(name), shape: shape, type: type, byteCount: shape.dropLast().reduce(rowBytes, *)
        ) { write in
            // Pieces are whole rows, and therefore whole blocks.
            try source.forEachPiece(of: name, as: format, rows: rows) { bytes in
                guard type == .q8 else { return try write(bytes) }
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

    /// The divisors that llama.cpp applies to the rotary frequencies.
    private static func rotaryFactors(_ configuration: ModelConfiguration) -> GGUFTensor {
        let factors = RotaryTable.divisors(configuration).map { Float($0) }
        return GGUFTensor(name: "rope_freqs.weight", shape: [factors.count], type: .f32, byteCount: 4 * factors.count) {
            write in try factors.withUnsafeBytes(write)
        }
    }

    /// llama.cpp's name of a parameter.
    private static func name(_ parameter: String) -> String {
        switch parameter {
        case "model.embed_tokens.weight": return "token_embd.weight"
        case "model.norm.weight": return "output_norm.weight"
        case "lm_head.weight": return "output.weight"
        default: break
        }
        // model.layers.N.PART.KIND
        let parts = parameter.split(separator: ".")
        let part = parts.dropFirst(3).dropLast().joined(separator: ".")
        return "blk.\(parts[2]).\(blockNames[part] ?? part).\(parts[parts.count - 1])"
    }

    private static let blockNames = [
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
        "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]
}
