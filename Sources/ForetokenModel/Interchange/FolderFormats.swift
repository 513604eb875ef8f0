import ForetokenFormats
import ForetokenPlatform
import ForetokenText

/// Foretoken's own model folder, with all heads.
enum ForetokenFormat: CheckpointFormat {
    static func recognizes(_ url: URL) -> Bool {
        FileManager.default.fileExists(
            atPath: url.appendingPathComponent(ModelFolder.extrasFolder).appendingPathComponent(
                ModelFolder.configurationName
            ).path)
    }

    static func source(at url: URL) throws -> any WeightSource { try FolderSource(url) }

    static func heads(of configuration: ModelConfiguration) -> Int { configuration.heads }

    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String] {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        let (tokenizer, notes) = ConvertedTokenizer.read(source)
        var configuration = source.configuration
        if configuration.tokenizerDigest.isEmpty, let tokenizer {
            (configuration.tokenizerName, configuration.tokenizerDigest) = (tokenizer.name, tokenizer.digest)
        }
        try ModelFolder.write(
            ConfiguredSource(source: source, configuration: configuration), to: url,
            format: options.format(for: .foretoken),
            shardBytes: options.shardBytes)
        try ConvertedTokenizer.write(tokenizer, of: source, to: url)
        return notes
    }

    /// A source whose configuration names its tokenizer.
    private struct ConfiguredSource: WeightSource {
        let source: any WeightSource
        let configuration: ModelConfiguration
        var file: String { source.file }
        func weight(_ parameter: String) throws -> StoredWeight { try source.weight(parameter) }
        func withBytes<Result>(
            of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
        ) throws -> Result {
            try source.withBytes(of: parameter, body)
        }
    }
}

/// A Hugging Face folder: `config.json`, safetensors, tokenizer.
enum HuggingFaceFormat: CheckpointFormat {
    static func recognizes(_ url: URL) -> Bool {
        !ForetokenFormat.recognizes(url)
            && FileManager.default.fileExists(atPath: url.appendingPathComponent(ModelFolder.configurationName).path)
    }

    static func source(at url: URL) throws -> any WeightSource { try FolderSource(url) }

    static func heads(of configuration: ModelConfiguration) throws -> Int {
        try exportableHeads(of: configuration, for: .hf)
    }

    /// 1 if trunk and head 1 form a standard single-head model; throws otherwise.
    static func exportableHeads(of configuration: ModelConfiguration, for format: InterchangeFormat) throws -> Int {
        func refuse(_ why: String) -> ConversionError {
            .unsupported(format: format.rawValue, what: "'\(configuration.headKind.rawValue)' heads: \(why)")
        }
        if format == .hf, !BlockFamily(configuration).computes(configuration) {
            let what = configuration.feedForwardBias ? "biases of the feed-forward" : "a sliding window"
            throw ConversionError.unsupported(
                format: format.rawValue,
                what: "\(what) in a model of this kind: no class of transformers computes both")
        }
        switch configuration.headKind {
        case .parallel, .causal, .deepseek: return 1
        case .linear: throw refuse("head 1 is not a Llama layer")
        case .anticausal: throw refuse("head 1 depends on the others, which cannot be dropped")
        }
    }

    static func write(_ source: any WeightSource, to url: URL, options: ConversionOptions) throws -> [String] {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        let parameters = try ModelOutline(source.configuration).parameters
        try ModelFolder.writeLlama(
            source, parameters, to: url, format: options.format(for: .hf), shardBytes: options.shardBytes)
        let (tokenizer, notes) = ConvertedTokenizer.read(source)
        try ConvertedTokenizer.write(tokenizer, of: source, to: url)
        return notes
    }
}
