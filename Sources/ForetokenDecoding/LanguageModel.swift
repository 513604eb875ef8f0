public import ForetokenModel
public import ForetokenPlatform
public import ForetokenText

/// A model with its tokenizer: text in, text out.
///
/// ```swift
/// let model = try LanguageModel(folder: folder)
/// for try await pieces in try await model.stream("def fibonacci(n):", maximumTokens: 200) {
///     for piece in pieces { print(piece.text, terminator: "") }
/// }
/// ```
///
/// Configuration, tokenizer and weights are loaded together, so that a model cannot be paired with the wrong tokenizer.
/// Requests are batched in one ``BatchEngine``; self-speculative decoding makes them faster without changing the text.
public final class LanguageModel: Sendable {
    /// The weights.
    public let model: DecodeModel
    /// The model's tokenizer.
    public let tokenizer: any Tokenizer
    /// The engine that runs the requests.
    public let engine: BatchEngine

    /// The model's shape.
    public var configuration: ModelConfiguration { model.configuration }

    /// Loads a model of any readable format (see `ModelFolder`) with its tokenizer.
    ///
    /// - Parameters:
    ///   - folder: the model's folder.
    ///   - format: storage format of the weights.
    ///   - limits: batch size and cache size of the engine.
    /// - Throws: an error that names file, key or tensor; `TokenizerError`; ``DecodingError/outOfMemory(_:)``.
    public convenience init(
        folder: URL, format: WeightFormat = .f32, limits: BatchEngine.Limits = BatchEngine.Limits()
    ) throws {
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        try self.init(DecodeModel(reading: source, format: format), tokenizer: tokenizer, limits: limits)
    }

    /// Creates a language model from a loaded model and its tokenizer.
    ///
    /// - Throws: ``DecodingError/invalid(_:)`` if the configuration names a tokenizer and this is another one.
    public init(
        _ model: DecodeModel, tokenizer: any Tokenizer, limits: BatchEngine.Limits = BatchEngine.Limits()
    ) throws {
        let digest = model.configuration.tokenizerDigest
        guard digest.isEmpty || digest == tokenizer.digest else {
            throw DecodingError.invalid(
                "the model was trained with the tokenizer '\(model.configuration.tokenizerName)', not with "
                    + "'\(tokenizer.name)'")
        }
        (self.model, self.tokenizer) = (model, tokenizer)
        engine = BatchEngine(model, tokenizer: tokenizer, limits: limits)
    }

    /// Encodes a prompt, with the model's beginning-of-text token if it has one.
    ///
    /// - Parameters:
    ///   - prompt: the text.
    ///   - specialTokens: whether spellings of special tokens such as `<|im_start|>` become these tokens: by default, as in the
    ///     prompts that model cards print. For text that somebody else wrote, use ``ChatFormat``, or `.asText`.
    public func tokens(of prompt: String, specialTokens: SpecialTokens = .parsed) -> [Int32] {
        configuration.tokens(of: prompt, tokenizer, specialTokens: specialTokens)
    }

    /// Creates a request to continue a text.
    ///
    /// - Parameters:
    ///   - prompt: the text.
    ///   - maximumTokens: the maximum number of tokens to generate.
    ///   - heads: the number of heads; 1 is next-token decoding. If nil, the draft length is adaptive.
    ///   - sampler: the sampling settings; greedy by default.
    ///   - stopStrings: the text ends before the first of these, and before a special token that one of them spells.
    public func request(
        _ prompt: String, maximumTokens: Int, heads: Int? = nil, sampler: Sampler = Sampler(),
        stopStrings: [String] = []
    ) -> GenerationRequest {
        request(
            tokens: tokens(of: prompt), maximumTokens: maximumTokens, heads: heads, sampler: sampler,
            stopStrings: stopStrings)
    }

    /// Creates a request to continue tokens, such as those of a ``ChatFormat``.
    ///
    /// - Parameters:
    ///   - tokens: the prompt, with the beginning-of-text token if the model has one.
    ///   - maximumTokens: the maximum number of tokens to generate.
    ///   - heads: the number of heads; 1 is next-token decoding. If nil, the draft length is adaptive.
    ///   - sampler: the sampling settings; greedy by default.
    ///   - stopStrings: the text ends before the first of these, and before a special token that one of them spells.
    public func request(
        tokens: [Int32], maximumTokens: Int, heads: Int? = nil, sampler: Sampler = Sampler(),
        stopStrings: [String] = []
    ) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: tokens, maximumTokens: maximumTokens, heads: heads ?? configuration.heads,
            sampler: sampler, stopStrings: stopStrings)
        request.isAdaptive = heads == nil
        // A special token decodes to no text in which its spelling could be found.
        request.stopTokens = Set(stopStrings.compactMap { tokenizer.token(named: $0) })
        return request
    }

    /// Continues a text, streaming it as it is decoded.
    ///
    /// Parameters as in ``request(_:maximumTokens:heads:sampler:stopStrings:)``.
    ///
    /// - Throws: ``DecodingError``.
    public func stream(
        _ prompt: String, maximumTokens: Int, heads: Int? = nil, sampler: Sampler = Sampler(),
        stopStrings: [String] = []
    ) async throws -> GenerationStream {
        try await engine.submit(
            request(prompt, maximumTokens: maximumTokens, heads: heads, sampler: sampler, stopStrings: stopStrings))
    }

    /// Continues a text and returns the whole continuation.
    ///
    /// Parameters as in ``request(_:maximumTokens:heads:sampler:stopStrings:)``.
    ///
    /// - Returns: the continuation.
    /// - Throws: ``DecodingError``.
    public func text(
        _ prompt: String, maximumTokens: Int, heads: Int? = nil, sampler: Sampler = Sampler(),
        stopStrings: [String] = []
    ) async throws -> String {
        try await stream(
            prompt, maximumTokens: maximumTokens, heads: heads, sampler: sampler, stopStrings: stopStrings
        ).text()
    }
}
