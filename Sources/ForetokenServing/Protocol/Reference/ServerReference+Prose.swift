extension ServerReference {
    /// What the tables do not say.
    static let notes = [
        "/v1/completions":
            " Special tokens that are spelled in a prompt of text are parsed; nothing is put before token ids. The choices of the "
            + "first prompt come first.",
        "/v1/chat/completions":
            " What a message says never becomes a special token. The role `developer` is rendered as `system`, unless the template "
            + "knows it.",
        "/infill": " The answer is llama.cpp's; its stream does not end with `[DONE]`. `timings` are always there.",
        "/tokenize": " Send one of `prompt`, `content` and `messages`, a conversation with its keys above.",
        "/detokenize": " Special tokens are spelled out.",
        "/apply-template": " The keys of a conversation are those of `/v1/chat/completions`.",
    ]

    static let answers = """
        ### Answers

        The objects are OpenAI's: `text_completion`, `chat.completion`, `chat.completion.chunk`. `finish_reason` is `stop` (the model
        ended the text, or a stop was generated) or `length` (the maximum number of tokens, or a full context).

        **Streams** are server-sent events that end with `data: [DONE]`. All chunks have one `id`; the first of a choice has the role, the
        last its `finish_reason`. With `stream_options.include_usage`, a chunk without choices carries `usage` before the end. A
        comment is sent after a second of silence. An error after the first chunk is an event with the object `error`.

        **Log-probabilities** are natural logarithms of the model's own distribution, before bias, penalties and temperature.
        `/v1/completions` has parallel arrays: `tokens`, `token_logprobs`, `top_logprobs`, `text_offset` (in Unicode code points; null for
        the first token of an echoed prompt). `top_logprobs` always holds the token itself: it was the most likely one exactly if its
        value is the largest. `/v1/chat/completions` has one object per token, with `bytes` (null for special tokens). A token
        whose bytes are no characters is written `bytes:\\xe2\\x82`; one of several with the same text `token_id:123`. A probability
        of 0 is -9999.

        **usage** has `prompt_tokens`, `completion_tokens`, `total_tokens`, `prompt_tokens_details.cached_tokens`, and in
        `completion_tokens_details` the drafts that verification accepted and rejected: `accepted_prediction_tokens`,
        `rejected_prediction_tokens`.

        **timings** has llama.cpp's keys, and ours after them:

        | key | meaning |
        |---|---|
        | `cache_n`, `prompt_n` | tokens of the prompt from the cache, and computed |
        | `prompt_ms`, `prompt_per_token_ms`, `prompt_per_second` | time of the prompt's pass |
        | `predicted_n` | generated tokens |
        | `predicted_ms`, `predicted_per_token_ms`, `predicted_per_second` | time of the passes after it, and of the tokens after the first |
        | `draft_n`, `draft_n_accepted` | drafts that were verified, and accepted |
        | `heads` | heads that were used |
        | `forwards`, `tokens_per_forward` | passes that emitted tokens, and the mean number of their tokens |
        | `drafted_per_position`, `accepted_per_position` | drafts by their position: by heads 2, 3, … |
        | `accepted_lengths` | passes that accepted 0, 1, 2, … drafts |

        ### Errors

        `{"error": {"message", "type", "param", "code"}}`, where `param` is the key that is wrong.

        | status | `code` | |
        |---|---|---|
        | 400 | | a mistake in the request; `message` says where |
        | 400 | `unsupported_parameter` | a parameter that would change the answer and is not supported |
        | 400 | `context_length_exceeded` | the prompt, with the tokens that were asked for, does not fit the context |
        | 400 | `no_chat_template` | a conversation with a model that only continues texts |
        | 401 | `invalid_api_key` | no key, or a wrong one |
        | 404, 405 | `unknown_url`, `method_not_allowed` | no such endpoint |
        | 408 | `timeout` | the body came too slowly |
        | 413 | `body_too_large` | the body is above the server's limit |
        | 500 | `server_error` | a fault of the server |
        | 503 | `queue_full`, `out_of_memory`, `loading`, `shutting_down` | try again after `Retry-After` seconds |
        | 504 | `timeout` | the request took longer than the server's limit |
        """
}
