import ForetokenDecoding
package import ForetokenText

/// What the server says of a model: its entry in `/v1/models`, its tokenizer, and llama.cpp's properties.
package struct ModelDescription: Sendable {
    /// The name under which it is served.
    package var name: String
    /// Seconds since 1970 at which it was loaded.
    package var created: Int
    /// What it allows.
    package var limits: ModelLimits
    /// Its tokenizer.
    package var tokenizer: any Tokenizer
    /// The source of its chat template.
    package var chatTemplate: String?

    package init(
        name: String, created: Int, limits: ModelLimits, tokenizer: any Tokenizer, chatTemplate: String? = nil
    ) {
        (self.name, self.created, self.limits) = (name, created, limits)
        (self.tokenizer, self.chatTemplate) = (tokenizer, chatTemplate)
    }

    private var texts: TokenText { TokenText(tokenizer) }
    private var beginning: String? { texts.spelling(tokenizer.beginningOfText) }
    private var end: String? { texts.spelling(tokenizer.endOfText) }

    // MARK: Models

    /// `GET /v1/models`.
    package static func list(_ models: [ModelDescription]) -> String {
        JSONWriter.object {
            $0.string("object", "list")
            $0.array("data", models) { json, model in json.object { model.write(to: &$0) } }
        }
    }

    /// `GET /v1/models/{name}`.
    package var json: String { JSONWriter.object { write(to: &$0) } }

    private func write(to json: inout JSONWriter) {
        json.string("id", name)
        json.string("object", "model")
        json.integer("created", created)
        json.string("owned_by", "foretoken")
        json.string("root", name)
        json.null("parent")
        json.integer("max_model_len", limits.contextLength)
        json.object("meta") {
            $0.integer("n_vocab", limits.vocabulary)
            $0.integer("n_ctx_train", limits.contextLength)
            $0.integer("heads", limits.heads)
        }
    }

    // MARK: The tokenizer

    /// `GET /tokenizer_info`: vLLM's, as evaluation harnesses read it.
    package var tokenizerInfo: String {
        JSONWriter.object {
            $0.string("tokenizer_class", tokenizer.name)
            $0.string("bos_token", beginning)
            $0.string("eos_token", end)
            $0.null("pad_token")
            $0.bool("add_bos_token", tokenizer.beginningOfText != nil)
            $0.integer("vocab_size", limits.vocabulary)
            $0.integer("model_max_length", limits.contextLength)
            $0.string("chat_template", chatTemplate)
        }
    }

    /// `POST /tokenize`, as the request asks for it.
    package func tokenized(_ tokens: [Int32], _ body: TokenizeBody) -> String {
        let texts = texts
        return JSONWriter.object {
            $0.integer("count", tokens.count)
            $0.integer("max_model_len", limits.contextLength)
            $0.array("tokens", tokens) { json, token in
                guard body.returnsPieces else { return json.integer(Int(token)) }
                json.object {
                    $0.integer("id", Int(token))
                    let bytes = texts.bytes(token)
                    if let piece = String(validating: bytes, as: UTF8.self) {
                        $0.string("piece", piece)
                    } else {
                        $0.array("piece", bytes) { $0.integer(Int($1)) }
                    }
                }
            }
            if body.returnsTokenStrings {
                $0.array("token_strs", tokens) { $0.string(texts.name($1)) }
            } else {
                $0.null("token_strs")
            }
        }
    }

    /// `POST /detokenize`: in vLLM's form and llama.cpp's. Special tokens are spelled out.
    package func detokenized(_ tokens: [Int32]) -> String {
        let text = texts.text(tokens)
        return JSONWriter.object {
            $0.string("prompt", text)
            $0.string("content", text)
        }
    }

    /// `POST /apply-template`.
    package static func appliedTemplate(_ text: String) -> String {
        JSONWriter.object { $0.string("prompt", text) }
    }
}
