public import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
public import ForetokenPlatform
import ForetokenText

/// A model that a server answers with.
public struct ServedModel: Sendable {
    /// The name that clients see.
    public let name: String
    /// The model with its tokenizer and its engine.
    public let language: LanguageModel
    /// Its chat templates; nil if it has none.
    public let chat: ChatFormat?
    /// When it was loaded, in seconds since 1970.
    public let created: Int
    /// Heads to use in every forward pass unless a request says otherwise; if nil, the draft length is adaptive.
    public let heads: Int?
    /// The tokens around the parts of a text with a gap; nil if the model was not trained for it.
    let infillTokens: InfillTokens?
    /// What clients are told of it.
    let description: ModelDescription
    /// No prompt of more bytes fits the context.
    let largestPrompt: Int

    /// Serves a loaded model.
    public init(name: String, language: LanguageModel, chat: ChatFormat?, heads: Int? = nil) {
        (self.name, self.language, self.chat, self.heads) = (name, language, chat, heads)
        created = Int(Date().timeIntervalSince1970)
        infillTokens = InfillTokens(of: language.tokenizer)
        let configuration = language.configuration
        let texts = TokenText(language.tokenizer)
        let longest = (0..<Int32(configuration.vocabulary)).map { texts.bytes($0).count }.max() ?? 1
        // Normalisation may make a text shorter.
        largestPrompt = max(1, longest) * configuration.contextLength * 4
        let template = try? chat?.templates.template(hasTools: false)
        description = ModelDescription(
            name: name, created: created,
            limits: ModelLimits(
                vocabulary: configuration.vocabulary, contextLength: configuration.contextLength,
                heads: configuration.heads, endTokens: Set(configuration.endTokens).union(chat?.turnEnds ?? [])),
            tokenizer: language.tokenizer, chatTemplate: template?.source)
    }

    /// Loads a model with its tokenizer and its chat templates.
    ///
    /// - Parameters:
    ///   - name: the name that clients see; the folder's if nil.
    ///   - path: a run, a model folder or a GGUF file.
    ///   - format: the format of the weights in memory.
    ///   - limits: the batch and cache sizes.
    ///   - heads: heads to use in every forward pass; if nil, the draft length is adaptive.
    /// - Throws: an error that names the file; `DecodingError` for more heads than the model has.
    public init(
        name: String? = nil, at path: URL, format: WeightFormat = .f32,
        limits: BatchEngine.Limits = BatchEngine.Limits(), heads: Int? = nil
    ) throws {
        let folder = try ModelFolder.locate(path)
        let language = try LanguageModel(folder: folder, format: format, limits: limits)
        if let heads, !(1...language.configuration.heads).contains(heads) {
            throw DecodingError.tooManyHeads(asked: heads, available: language.configuration.heads)
        }
        let chat = try ModelFolder.chatTemplates(of: folder).map {
            try ChatFormat($0, tokenizer: language.tokenizer)
        }
        self.init(name: name ?? Self.name(of: path), language: language, chat: chat, heads: heads)
    }

    /// The bytes of cache that a text as long as the context needs, if the engine has fewer.
    package var cacheBytesMissing: Int? {
        get async {
            let heads = heads ?? language.configuration.heads
            let request = GenerationRequest(
                prompt: [0], maximumTokens: language.configuration.contextLength, heads: heads)
            do {
                try await language.engine.check(request)
            } catch DecodingError.cacheTooSmall(let needed, _) {
                return needed
            } catch {}
            return nil
        }
    }

    /// The name of a file or folder without `.gguf`.
    package static func name(of path: URL) -> String {
        let name = path.standardizedFileURL.lastPathComponent
        return name.lowercased().hasSuffix(".gguf") ? String(name.dropLast(5)) : name
    }
}
