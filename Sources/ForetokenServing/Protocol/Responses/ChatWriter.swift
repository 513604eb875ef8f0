import ForetokenDecoding

/// Writes the answer to `POST /v1/chat/completions`: as a whole, or chunk by chunk; used as ``CompletionWriter``.
package struct ChatWriter: Sendable {
    private static let object = "chat.completion"
    private static let chunkObject = "chat.completion.chunk"

    private let identity: ResponseIdentity
    private let options: GenerationOptions
    private let logProbabilities: LogProbabilities
    /// The choices that have begun.
    private var begun: Set<Int> = []

    /// Creates a writer for one request.
    package init(_ identity: ResponseIdentity, options: GenerationOptions, texts: TokenText) {
        (self.identity, self.options) = (identity, options)
        logProbabilities = LogProbabilities(
            texts: texts, top: options.logProbabilities ?? 0, namesByID: options.namesTokensByID)
    }

    /// The answer as a whole.
    package func response(_ choices: [Choice], usage: Usage, timings: Timings? = nil) -> String {
        JSONWriter.object { json in
            identity.write(object: Self.object, to: &json)
            json.array("choices", choices) { json, choice in
                json.object {
                    $0.integer("index", choice.index)
                    $0.object("message") {
                        $0.string("role", "assistant")
                        $0.string("content", choice.text)
                        $0.null("refusal")
                    }
                    writeRest(of: choice, to: &$0)
                }
            }
            usage.write(to: &json)
            if options.timings != .none { timings?.write(to: &json) }
        }
    }

    /// A chunk of a stream; nil if there is nothing to say yet.
    ///
    /// - Parameters:
    ///   - part: what is new of one choice.
    ///   - timings: the request's so far; shown if it asked for them.
    package mutating func chunk(_ part: Choice, timings: Timings? = nil) -> String? {
        let text = part.text
        guard
            !text.isEmpty || part.finish != nil
                || (!part.pieces.isEmpty && (options.logProbabilities != nil || options.returnsTokenIDs))
        else { return nil }
        let isFirst = begun.insert(part.index).inserted
        return JSONWriter.object { json in
            identity.write(object: Self.chunkObject, to: &json)
            json.array("choices", CollectionOfOne(part)) { json, part in
                json.object {
                    $0.integer("index", part.index)
                    $0.object("delta") {
                        if isFirst { $0.string("role", "assistant") }
                        if isFirst || !text.isEmpty { $0.string("content", text) }
                    }
                    writeRest(of: part, to: &$0)
                }
            }
            if options.includesUsage { json.null("usage") }
            if options.shows(timings: part.finish) { timings?.write(to: &json) }
        }
    }

    /// The chunk of token counts before the end of a stream; nil if the request did not ask for it.
    package func usageChunk(_ usage: Usage) -> String? {
        identity.usageChunk(usage, object: Self.chunkObject, options)
    }

    private func writeRest(of choice: Choice, to json: inout JSONWriter) {
        if options.logProbabilities != nil {
            logProbabilities.writeObjects(choice.pieces.compactMap(\.scores), to: &json)
        } else {
            json.null("logprobs")
        }
        json.string("finish_reason", choice.finish?.rawValue)
        if options.returnsTokenIDs { json.array("token_ids", choice.tokens) { $0.integer(Int($1)) } }
    }
}
