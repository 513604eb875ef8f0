package import ForetokenDecoding

/// Writes the answer to llama.cpp's `POST /infill`: as a whole, or chunk by chunk. Such streams do not end with `[DONE]`.
package struct InfillWriter: Sendable {
    private let model: String
    private let options: GenerationOptions

    /// Creates a writer for one request.
    package init(model: String, options: GenerationOptions) { (self.model, self.options) = (model, options) }

    /// The answer as a whole, or the last chunk of a stream, which has only what is new.
    ///
    /// - Parameters:
    ///   - pieces: the tokens.
    ///   - reason: why the text ended.
    ///   - stoppingWord: the stop string that ended it.
    ///   - usage: the counts of tokens.
    ///   - timings: the request's.
    package func end(
        _ pieces: [TextPiece], reason: StopReason, stoppingWord: String? = nil, usage: Usage, timings: Timings
    ) -> String {
        JSONWriter.object { json in
            write(pieces, isLast: true, to: &json)
            json.string("model", model)
            json.integer("tokens_predicted", usage.completionTokens)
            json.integer("tokens_evaluated", usage.promptTokens)
            json.integer("tokens_cached", usage.promptTokens + usage.completionTokens)
            json.bool("truncated", reason == .contextFull)
            json.string("stop_type", Self.name(reason))
            json.string("stopping_word", stoppingWord ?? "")
            timings.write(to: &json)
        }
    }

    /// A chunk of a stream; nil if there is nothing to say yet.
    package func chunk(_ pieces: [TextPiece], timings: Timings? = nil) -> String? {
        guard pieces.contains(where: { !$0.text.isEmpty }) else { return nil }
        return JSONWriter.object { json in
            write(pieces, isLast: false, to: &json)
            if options.timings == .perChunk { timings?.write(to: &json) }
        }
    }

    private func write(_ pieces: [TextPiece], isLast: Bool, to json: inout JSONWriter) {
        json.integer("index", 0)
        json.string("content", pieces.reduce(into: "") { $0 += $1.text })
        json.array("tokens", options.returnsTokenIDs ? pieces.compactMap(\.token) : []) { $0.integer(Int($1)) }
        json.bool("stop", isLast)
    }

    private static func name(_ reason: StopReason) -> String {
        switch reason {
        case .endOfText: "eos"
        case .stopString: "word"
        case .maximumTokens, .contextFull: "limit"
        }
    }
}
