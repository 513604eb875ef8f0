import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenPlatform
import ForetokenText

extension API {
    /// `POST /v1/completions`.
    func completions(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        let (body, model) = try read(CompletionBody.self, request)
        let options = body.options
        guard body.suffix == nil || model.infillTokens != nil else { throw .noInfill(parameter: "suffix") }
        var prompts: [Answer<CompletionWriter>.PreparedPrompt] = []
        for prompt in body.prompts {
            let tokens = try model.tokens(of: prompt, body)
            var request = model.request(tokens, options)
            request.scoresPrompt =
                (body.echoes && options.logProbabilities != nil) || options.promptLogProbabilities != nil
            if let top = options.promptLogProbabilities {
                request.logProbabilities = max(top, request.logProbabilities ?? 0)
            }
            var echo: String?
            if body.echoes {
                switch prompt {
                case .text(let text): echo = text
                case .tokens(let tokens): echo = TokenText(model.language.tokenizer).text(tokens)
                }
            } else if options.returnsTokenIDs {
                echo = ""
            }
            prompts.append(.init(request: request, echo: echo))
        }
        let writer = CompletionWriter(
            identity("cmpl-", model), options: options, echoes: body.echoes, texts: TokenText(model.language.tokenizer))
        return try await Answer(
            api: self, model: model, options: options, prompts: prompts, writer: writer, promptKey: "prompt"
        ).reply()
    }

    /// `POST /v1/chat/completions`.
    func chat(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        let (body, model) = try read(ChatBody.self, request)
        guard let chat = model.chat else { throw .noChatTemplate }
        let tokens: [Int32]
        do {
            tokens = try chat.tokens(
                of: body.conversation.messages(for: chat.templates), variables: body.conversation.variables)
        } catch {
            throw APIError(error, parameter: "messages")
        }
        var generation = model.request(tokens, body.options)
        generation.stopTokens.formUnion(chat.turnEnds)
        let writer = ChatWriter(
            identity("chatcmpl-", model), options: body.options, texts: TokenText(model.language.tokenizer))
        return try await Answer(
            api: self, model: model, options: body.options, prompts: [.init(request: generation)], writer: writer,
            promptKey: "messages"
        ).reply()
    }

    /// `POST /infill`.
    func infill(_ request: ServerRequest) async throws(APIError) -> ServerReply {
        let (body, model) = try read(InfillBody.self, request)
        guard let gap = model.infillTokens else { throw .noInfill(parameter: "input_prefix") }
        let extra = body.extra.map { "\($0.text)\n" }.joined()
        let tokenizer = model.language.tokenizer
        let tokens = try model.prompt(
            gap.tokens(before: extra + body.prefix, after: body.suffix, tokenizer)
                + tokenizer.encode(body.prompt, specialTokens: .asText),
            checking: [extra, body.prefix, body.suffix, body.prompt], key: "input_prefix")
        return try await Answer(
            api: self, model: model, options: body.options,
            prompts: [.init(request: model.request(tokens, body.options))],
            writer: InfillWriter(model: model.name, options: body.options), promptKey: "input_prefix"
        ).reply()
    }

    /// `POST /tokenize`.
    func tokenize(_ request: ServerRequest) throws(APIError) -> ServerReply {
        let (body, model) = try read(TokenizeBody.self, request)
        let tokens: [Int32]
        switch body.input {
        case .text(let text):
            let parses: SpecialTokens = body.parsesSpecialTokens ? .parsed : .asText
            tokens = try model.tokens(of: text, specialTokens: parses, begins: body.addsBeginningOfText, key: "prompt")
        case .conversation(let conversation, let addsGenerationPrompt):
            let chat = try model.rendered(conversation, addsGenerationPrompt: addsGenerationPrompt)
            tokens = model.language.tokenizer.encode(chat.bytes, specialTokens: .parsedOutside(chat.userText))
        }
        return ServerReply(.json(model.description.tokenized(tokens, body)))
    }

    /// `POST /detokenize`.
    func detokenize(_ request: ServerRequest) throws(APIError) -> ServerReply {
        let (body, model) = try read(DetokenizeBody.self, request)
        return ServerReply(.json(model.description.detokenized(body.tokens)))
    }

    /// `POST /apply-template`.
    func applyTemplate(_ request: ServerRequest) throws(APIError) -> ServerReply {
        let (body, model) = try read(ApplyTemplateBody.self, request)
        let chat = try model.rendered(body.conversation, addsGenerationPrompt: body.addsGenerationPrompt)
        return ServerReply(.json(ServedModel.appliedTemplate(String(decoding: chat.bytes, as: UTF8.self))))
    }

    /// Reads the body of a request for the model that it names.
    private func read<Body: RequestBody>(
        _ type: Body.Type, _ request: ServerRequest
    ) throws(APIError) -> (Body, HostedModel) {
        _ = try models()
        let value = try Body.parse(request.body)
        var name: String?
        if case .object(let object) = value, case .string(let text)? = object["model"] { name = text }
        let model = try model(name)
        return (try Body(value, model.description.limits), model)
    }

    private func identity(_ prefix: String, _ model: HostedModel) -> ResponseIdentity {
        ResponseIdentity(
            id: ResponseIdentity.newID(prefix), created: Int(Date().timeIntervalSince1970), model: model.name,
            fingerprint: model.fingerprint(version: settings.version))
    }

    /// The description of the API.
    var openAPIText: String { (try? OpenAPIDocument.json(version: settings.version).text()) ?? "{}" }
}

extension HostedModel {
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

    /// The tokens of a prompt of `/v1/completions`.
    func tokens(of prompt: CompletionBody.Prompt, _ body: CompletionBody) throws(APIError) -> [Int32] {
        switch prompt {
        case .tokens(let tokens): return tokens
        case .text(let text):
            guard let suffix = body.suffix, let infillTokens else {
                return try tokens(
                    of: text, specialTokens: .parsed, begins: body.addsBeginningOfText, key: "prompt")
            }
            return try self.prompt(
                infillTokens.tokens(before: text, after: suffix, language.tokenizer), checking: [text, suffix],
                key: "prompt")
        }
    }

    /// The tokens of a text.
    func tokens(
        of text: String, specialTokens: SpecialTokens, begins: Bool, key: String
    ) throws(APIError) -> [Int32] {
        try checkEncodable([text], key)
        guard begins else { return language.tokenizer.encode(text, specialTokens: specialTokens) }
        return language.tokens(of: text, specialTokens: specialTokens)
    }

    /// Tokens with the one that begins a text, if the model has one.
    func prompt(_ tokens: [Int32], checking texts: [String], key: String) throws(APIError) -> [Int32] {
        try checkEncodable(texts, key)
        return [language.configuration.beginningOfText].compactMap(\.self) + tokens
    }

    private func checkEncodable(_ texts: [String], _ key: String) throws(APIError) {
        for text in texts {
            do {
                try language.tokenizer.checkEncodable(Array(text.utf8))
            } catch {
                throw APIError(error, parameter: key)
            }
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
