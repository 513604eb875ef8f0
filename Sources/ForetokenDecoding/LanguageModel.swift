public import ForetokenModel
public import ForetokenPlatform
public import ForetokenText

/// A model with the tokenizer it was trained with: takes text and gives text.
///
/// ```swift
/// let model = try LanguageModel(folder: folder)
/// for try await pieces in try await model.stream("def fibonacci(n):", maximumTokens: 200) {
///     for piece in pieces { print(piece.text, terminator: "") }
/// }
/// ```
///
/// Configuration, tokenizer and weights are read together, so that no model decodes with another one's tokenizer. Requests run
/// side by side in one ``BatchEngine``; drafts of the model's own heads make them faster and change no text.
public final class LanguageModel: Sendable {
    /// The weights.
    public let model: DecodeModel
    /// The tokenizer beside them.
    public let tokenizer: any Tokenizer
    /// What runs the requests.
    public let engine: BatchEngine

    /// The model's shape.
    public var configuration: ModelConfiguration { model.configuration }

    /// Reads a model of any format that is read (see `ModelFolder`) with its tokenizer.
    ///
    /// - Parameters:
    ///   - folder: the model's folder.
    ///   - format: how weights are held.
    ///   - limits: how many requests run at once, and with how much cache.
    /// - Throws: an error that names file, key or tensor; `TokenizerError`; ``DecodingError/outOfMemory(_:)``.
    public convenience init(
        folder: URL, format: WeightFormat = .f32, limits: BatchEngine.Limits = BatchEngine.Limits()
    ) throws {
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        try self.init(DecodeModel(reading: source, format: format), tokenizer: tokenizer, limits: limits)
    }

    /// A model with the tokenizer it was trained with.
    ///
    /// - Throws: ``DecodingError/invalid(_:)`` for another tokenizer than the configuration names, where it names one.
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

    /// The tokens of a prompt: the model's beginning token, if it has one, and the text's.
    public func tokens(of prompt: String) -> [Int32] {
        configuration.tokens(of: prompt, tokenizer)
    }

    /// A request to continue a text.
    ///
    /// - Parameters:
    ///   - prompt: the text.
    ///   - maximumTokens: the most tokens to generate.
    ///   - heads: heads in use; 1 is next-token decoding. If nil, as many as currently make it fastest.
    ///   - sampler: how tokens are chosen; greedy by default.
    ///   - stopStrings: the text ends before the first of these.
    public func request(
        _ prompt: String, maximumTokens: Int, heads: Int? = nil, sampler: Sampler = Sampler(),
        stopStrings: [String] = []
    ) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: tokens(of: prompt), maximumTokens: maximumTokens, heads: heads ?? configuration.heads,
            sampler: sampler, stopStrings: stopStrings)
        request.isAdaptive = heads == nil
        return request
    }

    /// Continues a text; pieces come as they are decoded.
    ///
    /// Parameters as those of ``request(_:maximumTokens:heads:sampler:stopStrings:)``.
    ///
    /// - Throws: ``DecodingError``.
    public func stream(
        _ prompt: String, maximumTokens: Int, heads: Int? = nil, sampler: Sampler = Sampler(),
        stopStrings: [String] = []
    ) async throws -> GenerationStream {
        try await engine.submit(
            request(prompt, maximumTokens: maximumTokens, heads: heads, sampler: sampler, stopStrings: stopStrings))
    }

    /// Continues a text.
    ///
    /// Parameters as those of ``request(_:maximumTokens:heads:sampler:stopStrings:)``.
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
