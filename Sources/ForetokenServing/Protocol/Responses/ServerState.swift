import ForetokenDecoding
import ForetokenText

/// A place for a request that is being decoded, as llama.cpp's `/slots` shows it.
package struct SlotState: Sendable, Equatable {
    /// The tokens of its prompt; nil for a free place.
    package var promptTokens: Int?
    /// The tokens it has generated.
    package var generatedTokens: Int
    /// The tokens it may still generate; nil if only the context limits it.
    package var remainingTokens: Int?
    /// The heads it uses.
    package var heads: Int

    package init(promptTokens: Int? = nil, generatedTokens: Int = 0, remainingTokens: Int? = nil, heads: Int = 1) {
        (self.promptTokens, self.generatedTokens) = (promptTokens, generatedTokens)
        (self.remainingTokens, self.heads) = (remainingTokens, heads)
    }
}

extension ModelDescription {
    /// `GET /health` of a server that is ready; while it loads, ``APIError/loading`` is the answer.
    package static var healthy: String { JSONWriter.object { $0.string("status", "ok") } }

    /// llama.cpp's `GET /props`. No path of the server's machine is in it.
    ///
    /// - Parameters:
    ///   - slots: the number of requests that are decoded at once.
    ///   - build: the server's name and version.
    ///   - canInfill: whether the model has tokens for `/infill`.
    package func properties(slots: Int, build: String, canInfill: Bool) -> String {
        let texts = TokenText(tokenizer)
        return JSONWriter.object {
            $0.object("default_generation_settings") {
                $0.integer("id", 0)
                $0.integer("n_ctx", limits.contextLength)
                $0.bool("speculative", limits.heads > 1)
                $0.bool("is_processing", false)
                $0.object("params") { Self.write(GenerationOptions.llamaDefaults, heads: limits.heads, to: &$0) }
            }
            $0.integer("total_slots", slots)
            $0.string("model_alias", name)
            $0.string("model_path", name)
            $0.string("chat_template", chatTemplate ?? "")
            $0.string("bos_token", texts.spelling(tokenizer.beginningOfText) ?? "")
            $0.string("eos_token", texts.spelling(tokenizer.endOfText) ?? "")
            $0.object("modalities") {
                $0.bool("vision", false)
                $0.bool("audio", false)
            }
            $0.bool("can_infill", canInfill)
            $0.string("build_info", build)
            $0.bool("is_sleeping", false)
        }
    }

    private static func write(_ sampler: Sampler, heads: Int, to json: inout JSONWriter) {
        json.integer("n_predict", -1)
        json.integer("seed", -1)
        json.number("temperature", sampler.temperature)
        json.integer("top_k", sampler.topK)
        json.number("top_p", sampler.topP)
        json.number("min_p", sampler.minP)
        json.integer("repeat_last_n", -1)
        json.number("repeat_penalty", sampler.repetitionPenalty)
        json.number("presence_penalty", sampler.presencePenalty)
        json.number("frequency_penalty", sampler.frequencyPenalty)
        json.array("stop", EmptyCollection<String>()) { $0.string($1) }
        json.bool("ignore_eos", false)
        json.bool("stream", false)
        json.integer("speculative.n_max", heads - 1)
    }

    /// llama.cpp's `GET /slots`.
    package func slots(_ states: [SlotState]) -> String {
        var json = JSONWriter()
        json.array { json in
            for (index, state) in states.enumerated() { json.object { write(state, index, to: &$0) } }
        }
        return json.text
    }

    private func write(_ state: SlotState, _ index: Int, to json: inout JSONWriter) {
        json.integer("id", index)
        json.integer("id_task", state.promptTokens == nil ? -1 : index)
        json.integer("n_ctx", limits.contextLength)
        json.bool("speculative", state.heads > 1)
        json.bool("is_processing", state.promptTokens != nil)
        json.integer("n_prompt_tokens", state.promptTokens ?? 0)
        json.object("next_token") {
            $0.bool("has_next_token", state.promptTokens != nil)
            $0.integer("n_remain", state.remainingTokens ?? -1)
            $0.integer("n_decoded", state.generatedTokens)
        }
    }
}
