package import ForetokenDecoding
import ForetokenFiles

/// What all requests that generate text share.
package struct GenerationOptions: Sendable, Equatable {
    /// Which figures of its speed an answer carries.
    package enum Timings: Sendable {
        case none
        /// The last chunk, or the whole answer, has them.
        case atEnd
        /// Every chunk has them.
        case perChunk
    }

    /// The sampling settings; its seed is ``seed`` or 0.
    package var sampler: Sampler
    /// The seed of the first completion, the next one's is one greater; nil for a random one.
    package var seed: UInt64?
    /// The text ends before these.
    package var stopStrings: [String] = []
    /// The text ends before these tokens.
    package var stopTokens: Set<Int32> = []
    /// The maximum number of tokens; nil for as many as fit the context.
    package var maximumTokens: Int?
    /// The text ends before a line with fewer spaces and tabs than this.
    package var indentation = 0
    /// The time after which a text ends at its next line break.
    package var maximumMilliseconds: Int?
    /// The number of completions of each prompt.
    package var completions = 1
    /// The number of heads; nil for the server's choice.
    package var heads: Int?
    /// The number of most likely tokens whose log-probabilities are asked for, with the chosen token's; nil for none.
    package var logProbabilities: Int?
    /// The same for the prompt's tokens.
    package var promptLogProbabilities: Int?
    /// Whether the answer comes as a stream.
    package var streams = false
    /// Whether a stream ends with a chunk of token counts.
    package var includesUsage = false
    /// Which figures of its speed the answer carries.
    package var timings = Timings.none
    /// Whether choices carry the token ids.
    package var returnsTokenIDs = false
    /// Whether log-probabilities name tokens as `token_id:123`.
    package var namesTokensByID = false
}

extension GenerationOptions {
    /// OpenAI's sampling defaults.
    package static let openAIDefaults = Sampler(temperature: 1)

    /// llama.cpp's sampling defaults, for its own endpoints.
    package static let llamaDefaults = {
        var sampler = Sampler(temperature: 0.8)
        (sampler.topK, sampler.topP, sampler.minP) = (40, 0.95, 0.05)
        return sampler
    }()

    /// The largest `n`.
    static let maximumCompletions = 128
    /// The largest number of completions of one request, over all its prompts.
    static let maximumChoices = 2048
    /// The largest number of most likely tokens that can be asked for.
    static let maximumLogProbabilities = 20

    /// The keys.
    static func fields(defaults: Sampler) -> [Field] {
        samplingFields(defaults: defaults) + outputFields + unsupportedFields
    }

    /// The keys of sampling: OpenAI's, and vLLM's and llama.cpp's beyond them.
    static func samplingFields(defaults: Sampler) -> [Field] {
        [
            Field(
                "temperature", .number(0...2), default: .number(defaults.temperature),
                "Sampling temperature; 0 always takes the most likely token."),
            Field(
                "top_p", .number(0...1), default: .number(defaults.topP),
                "Sample from the smallest set of most likely tokens whose probabilities sum to at least this."),
            Field(
                "top_k", .integer(-1...Int(Int32.max)), default: .integer(defaults.topK),
                "Sample from the k most likely tokens; 0 and -1: no limit."),
            Field(
                "min_p", .number(0...1), default: .number(defaults.minP),
                "Sample from tokens at least this fraction as likely as the most likely one."),
            Field(
                "presence_penalty", .number(-2...2), default: 0,
                "Subtracted from the logit of every token that was generated before."),
            Field(
                "frequency_penalty", .number(-2...2), default: 0,
                "Subtracted from a token's logit once for every time it was generated before."),
            Field(
                "repetition_penalty", .number(0...100, isOpenBelow: true), default: 1,
                "Divides the positive and multiplies the negative logits of tokens of the prompt and the completion."),
            Field(
                "repeat_penalty", .number(0...100, isOpenBelow: true),
                "llama.cpp's name of repetition_penalty, which comes first if both are given."),
            Field(
                "repeat_last_n", .integer(-1...Int(Int32.max)),
                "llama.cpp's window of the repetition penalty; with a penalty, only -1 (everything) is supported."),
            Field(
                "logit_bias", .any([.dictionary(of: .number(-100...100)), .array(of: .anything, count: 0...0)]),
                "Added to the logits of tokens; the keys are token ids."),
            Field(
                "seed", .integer(Int.min...Int.max),
                "Seed of the sampling: equal requests with equal seeds have equal answers. With n completions the seeds are "
                    + "seed, seed+1, …; -1 is a random seed."),
            Field(
                "stop", .any([.string(1...4096), .array(of: .string(1...4096), count: 0...64)]),
                "The text ends before the first of these strings."),
            Field(
                "stop_token_ids", .array(of: .integer(0...Int(Int32.max)), count: 0...1024),
                "The text ends before the first of these tokens."),
            Field(
                "ignore_eos", .boolean, default: false,
                "Rules out the tokens that end a text, so that it has its maximum number of tokens."),
        ]
    }

    /// The keys of the answer's form.
    static let outputFields = [
        Field(
            "stream", .boolean, default: false,
            "Whether the answer comes in chunks, as server-sent events that end with [DONE]."),
        Field(
            "stream_options",
            .object([
                Field(
                    "include_usage", .boolean, default: false,
                    "Whether a last chunk without choices carries the token counts.")
            ]), "Options of a stream."),
        Field(
            "heads", .integer(1...Int(Int32.max)),
            "The number of prediction heads, at most the model's; 1 is next-token decoding. The answer does not depend on it."
        ),
        Field(
            "speculative", .boolean, default: true,
            "Whether to decode with more than one head. The answer does not depend on it."),
        Field(
            "timings", .boolean, default: false,
            "Whether the answer carries its speed and the drafts proposed and accepted, in llama.cpp's form."),
        Field("timings_per_token", .boolean, default: false, "Whether every chunk of a stream carries timings."),
        Field(
            "n_indent", .integer(0...4096), default: 0,
            "The text ends before the first of its further lines that has fewer spaces and tabs; 0: no limit."),
        Field(
            "t_max_predict_ms", .integer(0...Int(Int32.max)), default: 0,
            "Milliseconds after which the text ends at its next line break; 0: no limit."),
        Field("return_token_ids", .boolean, default: false, "Whether choices carry the ids of their tokens."),
        Field(
            "return_tokens_as_token_ids", .boolean, default: false,
            "Whether log-probabilities name tokens as token_id:123."),
    ]
}
