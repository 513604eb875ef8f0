import ForetokenFiles
import ForetokenFormats
import ForetokenPlatform

/// Meta's released multi-token format: `consolidated.pth` and `params.json`, with all heads.
enum MetaFormat: CheckpointFormat {
    static func recognizes(_ url: URL) -> Bool { MetaCheckpoint.recognizes(url) }

    static func source(at url: URL) throws -> any WeightSource { try MetaCheckpoint(url) }

    static func heads(of configuration: ModelConfiguration) throws -> Int {
        func refuse(_ what: String) -> ConversionError {
            .unsupported(format: InterchangeFormat.meta.rawValue, what: what)
        }
        guard configuration.headKind == .parallel else {
            throw refuse("'\(configuration.headKind.rawValue)' heads: its heads are blocks over the trunk")
        }
        if configuration.headDimension * configuration.attentionHeads != configuration.width {
            throw refuse(
                "\(configuration.attentionHeads) attention heads of \(configuration.headDimension) in a model of width "
                    + "\(configuration.width): the product must equal the width")
        }
        if configuration.attentionBias != .none || configuration.feedForwardBias { throw refuse("biases") }
        if configuration.slidingWindow != nil { throw refuse("a sliding window") }
        if configuration.queryKeyNorm { throw refuse("norms of queries and keys") }
        if configuration.ropeScaling != nil { throw refuse("RoPE scaling") }
        // Any other parameter without a name in the format.
        let known = Set(MetaLayout(configuration).entries.map(\.parameter))
        if let other = try ModelOutline(configuration).parameters.first(where: { !known.contains($0.name) }) {
            throw refuse("tensor '\(other.name)', which has no name in that format")
        }
        return configuration.heads
    }

    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String] {
        let configuration = source.configuration
        _ = try heads(of: configuration)
        let format = try options.format(for: .meta)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        let tensors = try MetaLayout(configuration).entries.map { entry in
            let stored = try format ?? source.weight(entry.parameter).format
            return SafetensorsSource(name: entry.name, dtype: stored.dtype.safetensors, shape: entry.shape) { write in
                try source.forEachPiece(
                    of: entry.parameter, as: stored,
                    rows: entry.isRotary ? .pairsFromHalves(headDimension: configuration.headDimension) : .none, write)
            }
        }
        // The format has no key for tied embeddings: both names refer to one storage, as for tied modules in torch.
        let shared = configuration.tieEmbeddings ? [MetaLayout.unembeddingName: MetaLayout.embeddingName] : [:]
        try TorchFileWriter.write(
            to: url.appendingPathComponent(MetaCheckpoint.weightsName), tensors: tensors, shared: shared)
        try MetaParameters.value(configuration).write(to: url.appendingPathComponent(MetaParameters.fileName))
        let (tokenizer, notes) = ConvertedTokenizer.read(source)
        try ConvertedTokenizer.write(tokenizer, of: source, to: url)
        // The format has no config.json that names the tokens.
        try GenerationSettings.write(configuration, of: source, to: url)
        guard configuration.contextLength != MetaParameters.releasedContext else { return notes }
        return notes + [
            "\(MetaParameters.fileName) has no key for the context length of \(configuration.contextLength) tokens"
        ]
    }
}
