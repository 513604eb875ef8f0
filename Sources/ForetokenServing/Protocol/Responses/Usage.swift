package import ForetokenDecoding

/// OpenAI's `usage`: the counts of tokens.
package struct Usage: Sendable, Equatable {
    /// The prompt's tokens, once per prompt.
    package var promptTokens: Int
    /// Those of them that were in the cache.
    package var cachedTokens: Int
    /// The generated tokens of all choices.
    package var completionTokens: Int
    /// Drafts that verification accepted.
    package var acceptedDrafts: Int
    /// Drafts that verification rejected.
    package var rejectedDrafts: Int

    package init(
        promptTokens: Int = 0, cachedTokens: Int = 0, completionTokens: Int = 0, drafts: DraftCounts? = nil
    ) {
        (self.promptTokens, self.cachedTokens) = (promptTokens, cachedTokens)
        self.completionTokens = completionTokens
        (acceptedDrafts, rejectedDrafts) = (drafts?.accepted ?? 0, (drafts?.proposed ?? 0) - (drafts?.accepted ?? 0))
    }

    package static func += (sum: inout Usage, other: Usage) {
        sum.promptTokens += other.promptTokens
        sum.cachedTokens += other.cachedTokens
        sum.completionTokens += other.completionTokens
        sum.acceptedDrafts += other.acceptedDrafts
        sum.rejectedDrafts += other.rejectedDrafts
    }

    func write(to json: inout JSONWriter) {
        json.object("usage") {
            $0.integer("prompt_tokens", promptTokens)
            $0.integer("completion_tokens", completionTokens)
            $0.integer("total_tokens", promptTokens + completionTokens)
            $0.object("prompt_tokens_details") { $0.integer("cached_tokens", cachedTokens) }
            $0.object("completion_tokens_details") {
                $0.integer("accepted_prediction_tokens", acceptedDrafts)
                $0.integer("rejected_prediction_tokens", rejectedDrafts)
            }
        }
    }
}

/// llama.cpp's `timings`: the speed of an answer, with what speculation did.
package struct Timings: Sendable, Equatable {
    /// The number of heads that were used.
    package var heads: Int
    /// The prompt's tokens that were computed.
    package var promptTokens: Int
    /// The prompt's tokens that were in the cache.
    package var cachedTokens: Int
    /// Seconds of the prompt's pass.
    package var promptSeconds: Double
    /// The generated tokens.
    package var generatedTokens: Int
    /// Seconds of all passes after the prompt's.
    package var generationSeconds: Double
    /// Passes that emitted tokens, the prompt's included.
    package var forwards: Int
    /// The tokens that they emitted: also those that ended texts.
    private var emittedTokens: Int
    /// Drafts proposed and accepted.
    package var drafts: DraftCounts

    /// The timings of a request, so far or in total.
    ///
    /// - Parameters:
    ///   - statistics: the engine's.
    ///   - heads: the number of heads that were used.
    ///   - promptTokens: all tokens of the prompt.
    ///   - cachedTokens: those that were in the cache.
    package init(_ statistics: GenerationStatistics, heads: Int, promptTokens: Int, cachedTokens: Int) {
        (self.heads, self.cachedTokens, self.promptTokens) = (heads, cachedTokens, promptTokens - cachedTokens)
        (promptSeconds, generationSeconds) = (statistics.prefillSeconds, statistics.decodeSeconds)
        (generatedTokens, forwards, drafts) = (statistics.tokens.count, statistics.forwards, statistics.drafts)
        emittedTokens = generatedTokens + (statistics.endToken == nil ? 0 : 1)
    }

    /// The sum over completions; ``heads`` is the larger one.
    package static func += (sum: inout Timings, other: Timings) {
        sum.heads = max(sum.heads, other.heads)
        sum.promptTokens += other.promptTokens
        sum.cachedTokens += other.cachedTokens
        sum.promptSeconds += other.promptSeconds
        sum.generatedTokens += other.generatedTokens
        sum.generationSeconds += other.generationSeconds
        sum.forwards += other.forwards
        sum.emittedTokens += other.emittedTokens
        sum.drafts += other.drafts
    }

    func write(to json: inout JSONWriter) {
        func ratio(_ numerator: Double, _ denominator: Double) -> Double {
            denominator > 0 ? numerator / denominator : 0
        }
        let (promptMilliseconds, milliseconds) = (promptSeconds * 1000, generationSeconds * 1000)
        // The first token comes from the prompt's pass.
        let timed = Double(max(0, generatedTokens - 1))
        json.object("timings") {
            $0.integer("cache_n", cachedTokens)
            $0.integer("prompt_n", promptTokens)
            $0.number("prompt_ms", promptMilliseconds)
            $0.number("prompt_per_token_ms", ratio(promptMilliseconds, Double(promptTokens)))
            $0.number("prompt_per_second", ratio(Double(promptTokens), promptSeconds))
            $0.integer("predicted_n", generatedTokens)
            $0.number("predicted_ms", milliseconds)
            $0.number("predicted_per_token_ms", ratio(milliseconds, timed))
            $0.number("predicted_per_second", ratio(timed, generationSeconds))
            $0.integer("draft_n", drafts.proposed)
            $0.integer("draft_n_accepted", drafts.accepted)
            $0.integer("heads", heads)
            $0.integer("forwards", forwards)
            $0.number("tokens_per_forward", ratio(Double(emittedTokens), Double(forwards)))
            $0.array("drafted_per_position", drafts.proposedPerPosition) { $0.integer($1) }
            $0.array("accepted_per_position", drafts.acceptedPerPosition) { $0.integer($1) }
            $0.array("accepted_lengths", drafts.acceptedLengths) { $0.integer($1) }
        }
    }
}
