import ForetokenDecoding
import ForetokenFiles

/// The body of llama.cpp's `POST /infill`.
package struct InfillBody: RequestBody {
    /// Another file of the project.
    package struct Extra: Sendable, Equatable {
        package var filename: String
        package var text: String
    }

    /// The text before the gap.
    package var prefix: String
    /// The text after the gap.
    package var suffix: String
    /// The beginning of the text in the gap.
    package var prompt: String
    /// Other files, for context.
    package var extra: [Extra]
    /// What all requests have.
    package var options: GenerationOptions

    package static let fields: [Field] =
        [
            Field("model", .string(), "Any name: the served model answers."),
            Field(required: "input_prefix", .string(), "The text before the gap."),
            Field(required: "input_suffix", .string(), "The text after the gap."),
            Field("prompt", .string(), default: "", "The beginning of the text in the gap."),
            Field(
                "input_extra",
                .array(
                    of: .object([
                        Field("filename", .string(), "The file's name."),
                        Field(required: "text", .string(), "The file's text."),
                    ]), count: 0...4096), "Other files, which come before the prefix."),
            Field(
                "n_predict", GenerationOptions.tokenLimit, default: -1,
                "The maximum number of tokens; 0 only fills the cache, -1 generates as many as fit the context."),
            Field("max_tokens", GenerationOptions.tokenLimit, "OpenAI's name of n_predict, which comes first."),
            Field(
                "samplers", .array(of: .string(), count: 0...64),
                "Names of the filters that are applied, in any order: top_k, top_p, min_p, temperature, penalties; others are "
                    + "left out. Missing: all."),
            Field("return_tokens", .boolean, default: false, "llama.cpp's name of return_token_ids."),
        ] + GenerationOptions.fields(defaults: GenerationOptions.llamaDefaults)

    package init(_ values: RequestValues, _ limits: ModelLimits) throws(APIError) {
        prefix = values.string("input_prefix") ?? ""
        suffix = values.string("input_suffix") ?? ""
        prompt = values.string("prompt") ?? ""
        extra = (values.array("input_extra") ?? []).map { file in
            guard case .object(let object) = file else { return Extra(filename: "", text: "") }
            let values = RequestValues(object)
            return Extra(filename: values.string("filename") ?? "tmp", text: values.string("text") ?? "")
        }
        options = try GenerationOptions(values, limits, defaults: GenerationOptions.llamaDefaults)
        options.maximumTokens = GenerationOptions.maximumTokens(values, ["n_predict", "max_tokens"], default: -1)
        if values.bool("return_tokens") == true { options.returnsTokenIDs = true }
        // The answer always has them.
        if options.timings == .none { options.timings = .atEnd }
        if let samplers = values.strings("samplers") { options.sampler.keep(only: Set(samplers)) }
    }
}

extension Sampler {
    /// Leaves out the settings that a list of llama.cpp's samplers does not name.
    fileprivate mutating func keep(only names: Set<String>) {
        let neutral = Sampler(temperature: 1)
        if names.isDisjoint(with: ["top_k", "k"]) { topK = neutral.topK }
        if names.isDisjoint(with: ["top_p", "p"]) { topP = neutral.topP }
        if !names.contains("min_p") { minP = neutral.minP }
        if !names.contains("temperature"), temperature > 0 { temperature = neutral.temperature }
        if !names.contains("penalties") {
            (repetitionPenalty, frequencyPenalty, presencePenalty) = (
                neutral.repetitionPenalty, neutral.frequencyPenalty, neutral.presencePenalty
            )
        }
    }
}
