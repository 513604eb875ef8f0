import ForetokenFiles
import ForetokenFormats
import ForetokenPlatform

/// A Hugging Face folder of heads 1 and 2 in MiMo-7B's form, with which vLLM drafts; see ``MTPLayer``.
///
/// The blocks are Qwen 2's, and so is `model_type`: transformers has no class of its own for MiMo and loads the next-token model, and
/// vLLM finds the layer by `architectures`.
enum MiMoFormat: CheckpointFormat {
    /// Such folders are read as Hugging Face's.
    static func recognizes(_ url: URL) -> Bool { false }

    static func source(at url: URL) throws -> any WeightSource { try FolderSource(url) }

    static func heads(of configuration: ModelConfiguration) throws -> Int {
        func refuse(_ what: String) -> ConversionError {
            .unsupported(format: InterchangeFormat.mimo.rawValue, what: what)
        }
        guard configuration.headKind == .deepseek else {
            throw refuse(
                "'\(configuration.headKind.rawValue)' heads: its second head reads the first and the next token, as "
                    + "'deepseek' heads do")
        }
        guard configuration.heads > 1 else { throw refuse("a model of one head; use --to hf") }
        if configuration.unembedding == .replicated { throw refuse("separate unembeddings: its heads share one") }
        if configuration.queryKeyNorm { throw refuse("norms of queries and keys: its blocks are Qwen 2's") }
        if configuration.attentionBias == .all { throw refuse("biases of attention's output: its blocks are Qwen 2's") }
        if configuration.feedForwardBias { throw refuse("biases of the feed-forward: its blocks are Qwen 2's") }
        if configuration.slidingWindow != nil { throw refuse("a sliding window") }
        return 2
    }

    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String] {
        let form = MiMoForm(source)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        try ModelFolder.writeLlama(
            form, try ModelOutline(form.configuration).parameters, to: url, format: options.format(for: .mimo),
            shardBytes: options.shardBytes,
            keys: [
                ("architectures", [.string(MTPLayer.architecture)]), ("attention_bias", true), (MTPLayer.countKey, 1),
            ], tensor: MTPLayer.tensor)
        let (tokenizer, notes) = ConvertedTokenizer.read(source)
        try ConvertedTokenizer.write(tokenizer, of: source, to: url)
        return notes
    }

}

/// A `deepseek` model of two heads with all parameters of MiMo-7B's form and the same logits: biases that it lacks are 0, and a norm
/// that its heads share is there for each.
private struct MiMoForm: WeightSource {
    let configuration: ModelConfiguration
    private let source: any WeightSource

    init(_ source: any WeightSource) {
        var configuration = source.configuration
        configuration.attentionBias = .inputs
        configuration.finalNorm = .replicated
        (self.configuration, self.source) = (configuration, source)
    }

    var file: String { source.file }

    func weight(_ parameter: String) throws -> StoredWeight {
        guard isAbsentBias(parameter) else { return try source.weight(stored(parameter)) }
        let matrix = try source.weight(parameter.dropLast("bias".count) + "weight")
        return StoredWeight(shape: [matrix.shape[0]], format: matrix.format)
    }

    func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard isAbsentBias(parameter) else { return try source.withBytes(of: stored(parameter), body) }
        return try [UInt8](repeating: 0, count: weight(parameter).byteCount).withUnsafeBytes(body)
    }

    private func isAbsentBias(_ parameter: String) -> Bool {
        source.configuration.attentionBias == .none && parameter.hasSuffix(".bias")
    }

    private func stored(_ parameter: String) -> String {
        let isShared = source.configuration.finalNorm == .shared
        return isShared && parameter == "heads.2.norm.weight" ? "model.norm.weight" : parameter
    }
}
