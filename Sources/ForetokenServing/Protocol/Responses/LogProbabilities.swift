import ForetokenDecoding

/// Writes log-probabilities in OpenAI's two forms.
struct LogProbabilities: Sendable {
    let texts: TokenText
    /// The number of most likely tokens that were asked for.
    let top: Int
    /// Whether tokens are named by their ids.
    let namesByID: Bool

    /// A token of a text with its scores, nil for the first of a prompt.
    struct Entry {
        var token: Int32
        /// The characters before it.
        var offset: Int
        var scores: TokenScores?
    }

    private func name(_ token: Int32) -> String { namesByID ? "token_id:\(token)" : texts.name(token) }

    /// JSON has no infinity; OpenAI writes this for tokens of probability 0.
    private func number(_ value: Double) -> Double { value.isFinite ? value : -9999 }

    // MARK: /v1/completions

    /// Parallel arrays, with the most likely tokens as objects from text to log-probability.
    func writeParallel(_ entries: [Entry], to json: inout JSONWriter) {
        json.object("logprobs") {
            $0.array("tokens", entries) { $0.string(name($1.token)) }
            $0.array("token_logprobs", entries) { json, entry in
                guard let scores = entry.scores else { return json.null() }
                json.number(number(scores.logProbability))
            }
            if top > 0 {
                $0.array("top_logprobs", entries) { json, entry in
                    guard let scores = entry.scores else { return json.null() }
                    json.object { writeCandidates(of: scores, to: &$0) }
                }
            } else {
                $0.null("top_logprobs")
            }
            $0.array("text_offset", entries) { $0.integer($1.offset) }
        }
    }

    /// The token's own value is always there, so that clients can compare it with the largest.
    private func writeCandidates(of scores: TokenScores, to json: inout JSONWriter) {
        let own = TokenScores.Candidate(token: scores.token, logProbability: scores.logProbability)
        let others = scores.top.prefix(top)
        var candidates = others.contains { $0.token == own.token } ? [] : [own]
        candidates = others + candidates
        let ownName = name(own.token)
        var names: Set<String> = []
        for candidate in candidates {
            var name = name(candidate.token)
            // Several tokens may have the same text.
            let isTaken = candidate.token != own.token && name == ownName
            if isTaken || !names.insert(name).inserted { name = "token_id:\(candidate.token)" }
            json.key(name)
            json.number(number(candidate.token == own.token ? own.logProbability : candidate.logProbability))
        }
    }

    // MARK: /v1/chat/completions

    /// One object per token, with bytes.
    func writeObjects(_ scores: [TokenScores], to json: inout JSONWriter) {
        json.object("logprobs") {
            $0.array("content", scores) { json, scores in
                json.object {
                    write(scores.token, scores.logProbability, to: &$0)
                    $0.array("top_logprobs", scores.top.prefix(top)) { json, candidate in
                        json.object { write(candidate.token, candidate.logProbability, to: &$0) }
                    }
                }
            }
            $0.null("refusal")
        }
    }

    private func write(_ token: Int32, _ logProbability: Double, to json: inout JSONWriter) {
        json.string("token", name(token))
        json.number("logprob", number(logProbability))
        if let bytes = texts.ownBytes(token) {
            json.array("bytes", bytes) { $0.integer(Int($1)) }
        } else {
            json.null("bytes")
        }
    }

    // MARK: vLLM

    /// `prompt_logprobs`: for each token an object from token id to log-probability, rank and text.
    func writePrompt(_ scores: [TokenScores?], top: Int, to json: inout JSONWriter) {
        json.array("prompt_logprobs", scores) { json, scores in
            guard let scores else { return json.null() }
            json.object { json in
                for (index, candidate) in scores.top.prefix(top).enumerated() {
                    writeRanked(candidate.token, candidate.logProbability, rank: index + 1, to: &json)
                }
                guard !scores.top.prefix(top).contains(where: { $0.token == scores.token }) else { return }
                writeRanked(scores.token, scores.logProbability, rank: nil, to: &json)
            }
        }
    }

    private func writeRanked(_ token: Int32, _ logProbability: Double, rank: Int?, to json: inout JSONWriter) {
        json.key(String(token))
        json.object {
            $0.number("logprob", number(logProbability))
            $0.integer("rank", rank)
            $0.string("decoded_token", texts.name(token))
        }
    }
}
