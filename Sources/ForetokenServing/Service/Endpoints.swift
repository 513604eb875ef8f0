import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenPlatform
import ForetokenText

extension API {
    /// `POST /v1/completions`.
    func completions(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        let answer = try await prepared(request) { () throws(APIError) in
            let (body, model) = try self.read(CompletionBody.self, request)
            guard body.suffix == nil || model.infillTokens != nil else { throw .noInfill(parameter: "suffix") }
            let texts = TokenText(model.language.tokenizer)
            var prompts: [PreparedPrompt] = []
            for prompt in body.prompts { prompts.append(try model.prepared(prompt, body)) }
            return Answer(
                api: self, model: model, options: body.options, prompts: prompts,
                writer: CompletionWriter(
                    self.identity("cmpl-", model), options: body.options, echoes: body.echoes, texts: texts),
                promptKey: "prompt")
        }
        return try await answer.reply()
    }

    /// `POST /v1/chat/completions`.
    func chat(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        let answer = try await prepared(request) { () throws(APIError) in
            let (body, model) = try self.read(ChatBody.self, request)
            let chat = try model.rendered(body.conversation, addsGenerationPrompt: true)
            var generation = model.request(try model.tokens(of: chat), body.options)
            generation.stopTokens.formUnion(model.chat?.turnEnds ?? [])
            return Answer(
                api: self, model: model, options: body.options, prompts: [PreparedPrompt(request: generation)],
                writer: ChatWriter(
                    self.identity("chatcmpl-", model), options: body.options,
                    texts: TokenText(model.language.tokenizer)), promptKey: "messages")
        }
        return try await answer.reply()
    }

    /// `POST /infill`.
    func infill(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        let answer = try await prepared(request) { () throws(APIError) in
            let (body, model) = try self.read(InfillBody.self, request)
            guard let gap = model.infillTokens else { throw .noInfill(parameter: "input_prefix") }
            let before = body.extra.map { "\($0.text)\n" }.joined() + body.prefix
            try model.check([before, body.suffix, body.prompt], key: "input_prefix")
            let tokenizer = model.language.tokenizer
            let tokens =
                [model.language.configuration.beginningOfText].compactMap(\.self)
                + gap.tokens(before: before, after: body.suffix, tokenizer)
                + tokenizer.encode(body.prompt, specialTokens: .asText)
            return Answer(
                api: self, model: model, options: body.options,
                prompts: [PreparedPrompt(request: model.request(tokens, body.options))],
                writer: InfillWriter(model: model.name, options: body.options), promptKey: "input_prefix")
        }
        return try await answer.reply()
    }

    /// `POST /tokenize`.
    func tokenize(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        try await prepared(request) { () throws(APIError) in
            let (body, model) = try self.read(TokenizeBody.self, request)
            let tokens: [Int32]
            switch body.input {
            case .text(let text):
                tokens = try model.tokens(
                    of: text, specialTokens: body.parsesSpecialTokens ? .parsed : .asText,
                    begins: body.addsBeginningOfText)
            case .conversation(let conversation, let addsGenerationPrompt):
                tokens = try model.tokens(
                    of: model.rendered(conversation, addsGenerationPrompt: addsGenerationPrompt))
            }
            return ServerReply(.json(model.description.tokenized(tokens, body)))
        }
    }

    /// `POST /detokenize`.
    func detokenize(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        try await prepared(request) { () throws(APIError) in
            let (body, model) = try self.read(DetokenizeBody.self, request)
            return ServerReply(.json(model.description.detokenized(body.tokens)))
        }
    }

    /// `POST /apply-template`.
    func applyTemplate(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        try await prepared(request) { () throws(APIError) in
            let (body, model) = try self.read(ApplyTemplateBody.self, request)
            let chat = try model.rendered(body.conversation, addsGenerationPrompt: body.addsGenerationPrompt)
            return ServerReply(.json(ModelDescription.appliedTemplate(String(decoding: chat.bytes, as: UTF8.self))))
        }
    }

    /// Prepares a request; long ones one after the other, so that they cannot keep all threads from the others.
    private func prepared<Result: Sendable>(
        _ request: ServerRequest, _ work: @escaping @Sendable () throws(APIError) -> Result
    ) async throws(APIError) -> Result {
        request.body.count < 32_768 ? try work() : try await preparation.run(work)
    }

    /// Reads the body of a request for the model that it names.
    private func read<Body: RequestBody>(
        _ type: Body.Type, _ request: ServerRequest
    ) throws(APIError) -> (Body, ServedModel) {
        _ = try models()
        let value = try Body.parse(request.body)
        var name: String?
        if case .object(let object) = value, case .string(let text)? = object["model"] { name = text }
        let model = try model(name)
        return (try Body(value, model.description.limits), model)
    }

    private func identity(_ prefix: String, _ model: ServedModel) -> ResponseIdentity {
        ResponseIdentity(
            id: ResponseIdentity.newID(prefix), created: Int(Date().timeIntervalSince1970), model: model.name,
            fingerprint: model.fingerprint(version: settings.version))
    }

    /// The description of the API.
    var openAPIText: String { (try? OpenAPIDocument.json(version: settings.version).text()) ?? "{}" }
}

extension ServedModel {
    /// Identifies what texts depend on: the weights' format and the server.
    func fingerprint(version: String) -> String { "foretoken-\(version)-\(language.model.format.rawValue)" }

    /// The request to continue a prompt.
    func request(_ tokens: [Int32], _ options: GenerationOptions) -> GenerationRequest {
        let room = max(0, language.configuration.contextLength - tokens.count)
        var sampler = options.sampler
        sampler.seed = options.seed ?? .random(in: 0 ... .max)
        var request = language.request(
            tokens: tokens, maximumTokens: options.maximumTokens ?? room, heads: options.heads ?? heads,
            sampler: sampler, stopStrings: options.stopStrings)
        request.stopTokens.formUnion(options.stopTokens)
        request.logProbabilities = options.logProbabilities
        return request
    }

    /// A prompt of `/v1/completions`.
    func prepared(_ prompt: CompletionBody.Prompt, _ body: CompletionBody) throws(APIError) -> PreparedPrompt {
        let options = body.options
        var request = self.request(try tokens(of: prompt, body), options)
        request.scoresPrompt =
            (body.echoes && options.logProbabilities != nil) || options.promptLogProbabilities != nil
        if let top = options.promptLogProbabilities {
            request.logProbabilities = max(top, request.logProbabilities ?? 0)
        }
        guard body.echoes else { return PreparedPrompt(request: request, echo: options.returnsTokenIDs ? "" : nil) }
        switch prompt {
        case .text(let text): return PreparedPrompt(request: request, echo: text)
        case .tokens(let tokens):
            return PreparedPrompt(request: request, echo: TokenText(language.tokenizer).text(tokens))
        }
    }

    /// The tokens of a prompt of `/v1/completions`.
    private func tokens(of prompt: CompletionBody.Prompt, _ body: CompletionBody) throws(APIError) -> [Int32] {
        switch prompt {
        case .tokens(let tokens): return tokens
        case .text(let text):
            try check([text, body.suffix ?? ""], key: "prompt")
            guard let suffix = body.suffix, let infillTokens else {
                return try tokens(of: text, specialTokens: .parsed, begins: body.addsBeginningOfText)
            }
            return [language.configuration.beginningOfText].compactMap(\.self)
                + infillTokens.tokens(before: text, after: suffix, language.tokenizer)
        }
    }

    /// The tokens of a text.
    func tokens(of text: String, specialTokens: SpecialTokens, begins: Bool) throws(APIError) -> [Int32] {
        try checkEncodable(text, key: "prompt")
        guard begins else { return language.tokenizer.encode(text, specialTokens: specialTokens) }
        return language.tokens(of: text, specialTokens: specialTokens)
    }

    /// The tokens of a conversation; what messages say never becomes a special token.
    func tokens(of chat: RenderedChat) throws(APIError) -> [Int32] {
        try checkFits(chat.bytes.count, key: "messages")
        do {
            try language.tokenizer.checkEncodable(chat.bytes)
        } catch {
            throw APIError(error, parameter: "messages")
        }
        return language.tokenizer.encode(chat.bytes, specialTokens: .parsedOutside(chat.userText))
    }

    /// Fails for texts that cannot fit the context, or that the vocabulary cannot spell.
    func check(_ texts: [String], key: String) throws(APIError) {
        try checkFits(texts.reduce(0) { $0 + $1.utf8.count }, key: key)
        for text in texts { try checkEncodable(text, key: key) }
    }

    private func checkFits(_ bytes: Int, key: String) throws(APIError) {
        guard bytes <= largestPrompt else {
            throw .promptCannotFit(bytes: bytes, contextLength: language.configuration.contextLength, parameter: key)
        }
    }

    private func checkEncodable(_ text: String, key: String) throws(APIError) {
        do {
            try language.tokenizer.checkEncodable(Array(text.utf8))
        } catch {
            throw APIError(error, parameter: key)
        }
    }

    /// A conversation in the form of the model's template.
    func rendered(_ conversation: Conversation, addsGenerationPrompt: Bool) throws(APIError) -> RenderedChat {
        guard let chat else { throw .noChatTemplate }
        do {
            return try chat.text(
                of: conversation.messages(for: chat.templates), variables: conversation.variables,
                addsGenerationPrompt: addsGenerationPrompt)
        } catch {
            throw APIError(error, parameter: "messages")
        }
    }
}
