import ForetokenDecoding
import ForetokenFiles

extension GenerationOptions {
    init(_ values: RequestValues, _ limits: ModelLimits, defaults: Sampler) throws(APIError) {
        sampler = try Self.sampler(values, limits, defaults)
        // -1 is a random seed to vLLM and llama.cpp.
        if let seed = values.integer("seed"), seed != -1 {
            self.seed = UInt64(bitPattern: Int64(seed))
            sampler.seed = UInt64(bitPattern: Int64(seed))
        }
        stopStrings = values.strings("stop") ?? []
        stopTokens = Set(try limits.tokens(values.array("stop_token_ids") ?? [], parameter: "stop_token_ids"))
        heads = try Self.heads(values, limits)
        streams = values.bool("stream") ?? false
        includesUsage = values.object("stream_options")?["include_usage"] == .bool(true)
        if values.bool("timings") == true { timings = .atEnd }
        if values.bool("timings_per_token") == true { timings = .perChunk }
        indentation = values.integer("n_indent") ?? 0
        maximumMilliseconds = values.integer("t_max_predict_ms").flatMap { $0 > 0 ? $0 : nil }
        returnsTokenIDs = values.bool("return_token_ids") ?? false
        namesTokensByID = values.bool("return_tokens_as_token_ids") ?? false
    }

    private static func sampler(
        _ values: RequestValues, _ limits: ModelLimits, _ defaults: Sampler
    ) throws(APIError) -> Sampler {
        var sampler = defaults
        if let temperature = values.number("temperature") { sampler.temperature = temperature }
        // A set whose probabilities sum to at least 0 is that of the most likely token.
        if let topP = values.number("top_p") { sampler.topP = max(topP, .leastNormalMagnitude) }
        if let topK = values.integer("top_k") { sampler.topK = max(topK, 0) }
        if let minP = values.number("min_p") { sampler.minP = minP }
        if let penalty = values.number("presence_penalty") { sampler.presencePenalty = penalty }
        if let penalty = values.number("frequency_penalty") { sampler.frequencyPenalty = penalty }
        if let penalty = values.number("repetition_penalty") ?? values.number("repeat_penalty") {
            guard Float(penalty) > 0, (1 / Float(penalty)).isFinite else {
                throw .invalid("'repetition_penalty' is too close to 0: \(penalty).", parameter: "repetition_penalty")
            }
            sampler.repetitionPenalty = penalty
        }
        if let window = values.integer("repeat_last_n"), window != -1, sampler.repetitionPenalty != 1 {
            throw .unsupported(
                "repeat_last_n", remedy: "the repetition penalty counts the whole text: send -1 or leave it out")
        }
        for (key, bias) in values.object("logit_bias") ?? JSONObject() {
            guard let number = Int(key), String(number) == key else {
                throw .invalid(
                    "The keys of 'logit_bias' must be token ids, not \(key.quotedForMessage(limit: 60)).",
                    parameter: "logit_bias")
            }
            sampler.logitBias[try limits.token(number, parameter: "logit_bias")] = bias.numberValue
        }
        if values.bool("ignore_eos") == true {
            for token in limits.endTokens { sampler.logitBias[token] = -1e30 }
        }
        return sampler
    }

    private static func heads(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) -> Int? {
        let heads = values.integer("heads")
        if let heads, heads > limits.heads {
            throw .invalid(
                "'heads' is \(heads), and the model has \(limits.heads) head\(limits.heads == 1 ? "" : "s").",
                parameter: "heads")
        }
        guard values.bool("speculative") == false else { return heads }
        guard heads ?? 1 == 1 else {
            throw .invalid(
                "'speculative' is false, which is decoding with one head, and 'heads' is \(heads ?? 1).",
                parameter: "speculative")
        }
        return 1
    }

    /// The maximum number of tokens: the first of the names that has a value, nil for -1.
    static func maximumTokens(_ values: RequestValues, _ names: [String], default value: Int?) -> Int? {
        let tokens = names.lazy.compactMap { values.integer($0) }.first ?? value
        return tokens == -1 ? nil : tokens
    }

    /// Reads `n` and `best_of`.
    mutating func readCompletions(_ values: RequestValues, prompts: Int) throws(APIError) {
        completions = values.integer("n") ?? 1
        if let best = values.integer("best_of"), best > completions {
            throw .unsupported("best_of", remedy: "the answers are not ranked: send at most n, or leave it out")
        }
        guard prompts * completions <= Self.maximumChoices else {
            throw .invalid(
                "\(prompts) prompts with n = \(completions) are more than \(Self.maximumChoices) completions; "
                    + "send several requests.", parameter: "n")
        }
    }

    /// The keys of ``readCompletions(_:prompts:)``.
    static let completionsFields = [
        Field(
            "n", .integer(1...maximumCompletions), default: 1,
            "The number of completions of each prompt."),
        Field("best_of", .integer(1...maximumCompletions), "At most n: completions are not ranked."),
    ]

    static let tokenLimit = Schema.integer(-1...Int(Int32.max))
}
