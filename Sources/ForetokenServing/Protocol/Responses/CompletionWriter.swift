import ForetokenDecoding

/// Writes the answer to `POST /v1/completions`: as a whole, or chunk by chunk.
///
/// ```swift
/// var writer = CompletionWriter(identity, options: body.options, echoes: body.echoes, texts: TokenText(tokenizer))
/// for part in parts { if let chunk = writer.chunk(part) { send(EventStream.data(chunk)) } }
/// if let chunk = writer.usageChunk(usage) { send(EventStream.data(chunk)) }
/// send(EventStream.done)
/// ```
package struct CompletionWriter: Sendable {
    private let identity: ResponseIdentity
    private let options: GenerationOptions
    private let echoes: Bool
    private let logProbabilities: LogProbabilities
    /// The characters of each choice so far.
    private var offsets: [Int: Int] = [:]

    /// Creates a writer for one request.
    package init(_ identity: ResponseIdentity, options: GenerationOptions, echoes: Bool, texts: TokenText) {
        (self.identity, self.options, self.echoes) = (identity, options, echoes)
        logProbabilities = LogProbabilities(
            texts: texts, top: options.logProbabilities ?? 0, namesByID: options.namesTokensByID)
    }

    /// The answer as a whole.
    package func response(_ choices: [Choice], usage: Usage, timings: Timings? = nil) -> String {
        var writer = self
        return JSONWriter.object { json in
            identity.write(object: "text_completion", to: &json)
            json.array("choices", choices) { json, choice in
                json.object { writer.write(choice, isWhole: true, to: &$0) }
            }
            usage.write(to: &json)
            if options.timings != .none { timings?.write(to: &json) }
        }
    }

    /// A chunk of a stream; nil if there is nothing to say yet.
    ///
    /// - Parameters:
    ///   - part: what is new of one choice; a prompt to echo comes with its first part.
    ///   - timings: the request's so far; shown if it asked for them.
    package mutating func chunk(_ part: Choice, timings: Timings? = nil) -> String? {
        let showsPrompt = part.prompt != nil && (echoes || options.returnsTokenIDs)
        let isSilent = part.text.isEmpty && part.finish == nil && !showsPrompt
        guard !isSilent || (!part.pieces.isEmpty && (options.logProbabilities != nil || options.returnsTokenIDs))
        else { return nil }
        var json = JSONWriter()
        json.object { json in
            identity.write(object: "text_completion", to: &json)
            json.array("choices", CollectionOfOne(part)) { json, part in
                json.object { write(part, isWhole: false, to: &$0) }
            }
            if options.includesUsage { json.null("usage") }
            if options.shows(timings: part.finish) { timings?.write(to: &json) }
        }
        return json.text
    }

    /// The chunk of token counts before the end of a stream; nil if the request did not ask for it.
    package func usageChunk(_ usage: Usage) -> String? {
        identity.usageChunk(usage, object: "text_completion", options)
    }

    private mutating func write(_ choice: Choice, isWhole: Bool, to json: inout JSONWriter) {
        let echo = echoes ? choice.prompt : nil
        json.integer("index", choice.index)
        json.string("text", (echo?.text ?? "") + choice.text)
        if options.logProbabilities != nil {
            logProbabilities.writeParallel(entries(choice, echo), to: &json)
        } else {
            json.null("logprobs")
        }
        json.string("finish_reason", choice.finish?.rawValue)
        if isWhole, let top = options.promptLogProbabilities, let prompt = choice.prompt {
            logProbabilities.writePrompt(prompt.scores, top: top, to: &json)
        }
        if options.returnsTokenIDs {
            if let prompt = choice.prompt { json.array("prompt_token_ids", prompt.tokens) { $0.integer(Int($1)) } }
            json.array("token_ids", choice.tokens) { $0.integer(Int($1)) }
        }
    }

    /// The tokens of a choice with their scores; moves on by its text.
    private mutating func entries(_ choice: Choice, _ echo: ScoredPrompt?) -> [LogProbabilities.Entry] {
        var entries: [LogProbabilities.Entry] = []
        var offset = offsets[choice.index, default: 0]
        if let echo {
            var places = TextOffsets(echo.text)
            for (index, token) in echo.tokens.enumerated() {
                let place = offset + places.next(token, logProbabilities.texts)
                let scores = index < echo.scores.count ? echo.scores[index] : nil
                entries.append(LogProbabilities.Entry(token: token, offset: place, scores: scores))
            }
            offset += echo.text.unicodeScalars.count
        }
        for piece in choice.pieces {
            if let scores = piece.scores {
                entries.append(LogProbabilities.Entry(token: scores.token, offset: offset, scores: scores))
            }
            offset += piece.text.unicodeScalars.count
        }
        offsets[choice.index] = offset
        return entries
    }
}

extension GenerationOptions {
    /// Whether a chunk carries timings.
    ///
    /// - Parameter finish: nil in the midst of a stream.
    func shows(timings finish: FinishReason?) -> Bool {
        switch timings {
        case .none: false
        case .atEnd: finish != nil
        case .perChunk: true
        }
    }
}

extension ResponseIdentity {
    func usageChunk(_ usage: Usage, object: String, _ options: GenerationOptions) -> String? {
        guard options.includesUsage else { return nil }
        return JSONWriter.object { json in
            write(object: object, to: &json)
            json.array("choices", EmptyCollection<Never>()) { _, _ in }
            usage.write(to: &json)
        }
    }
}
