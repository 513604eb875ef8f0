import ForetokenFiles

/// The reference of the server's API, as `Documentation/Foretoken.docc/ServerReference.md` has it.
///
/// The tables of keys are those that check requests; the list of metrics is what is registered.
package enum ServerReference {
    /// The page as Markdown.
    package static var page: String {
        """
        # Server reference

        Every endpoint of `foretoken-server`, and every key of its requests.

        ## Overview

        The API is OpenAI's, with extensions of vLLM and llama.cpp and a few of our own. `GET /openapi.json` describes it for programs.
        The texts, and the log-probabilities bit for bit, do not depend on `heads`, on `speculative`, or on other requests.

        Keys that are not listed here are ignored. `null` is the same as leaving a key out. A wrong value is an error that names
        its key; so is a parameter that would change the answer and is not supported.

        | endpoint | |
        |---|---|
        \(endpoints)

        \(bodies)### Generation

        The keys of `/v1/completions`, `/v1/chat/completions` and `/infill`.

        \(table(GenerationOptions.samplingFields(defaults: GenerationOptions.openAIDefaults)))
        In `/infill` the defaults are llama.cpp's: \(llamaDefaults).
        Logits are adjusted in this order: `logit_bias`, penalties, `temperature`, `min_p`, `top_k`, `top_p`.

        \(table(GenerationOptions.outputFields))
        ### Not supported

        These parameters of other servers would change the answer. They are refused by name, except with a value that has no effect:

        \(unsupported)

        \(answers)

        ### Metrics

        `GET /metrics` in Prometheus' text format, with the label `model_name`. With aliases, the same under `vllm:`, and under
        `llamacpp:` where llama.cpp has a metric of that meaning.

        | metric | type | meaning |
        |---|---|---|
        \(metrics)

        """
    }

    // MARK: Tables

    private static var endpoints: String {
        OpenAPIDocument.endpoints.map { "| `\($0.method) \($0.path)` | \($0.summary) |" }.joined(separator: "\n")
    }

    private static var bodies: String {
        let shared = Set(GenerationOptions.fields(defaults: GenerationOptions.openAIDefaults).map(\.name))
        let conversation = Set(Conversation.fields.map(\.name))
        var text = ""
        for endpoint in OpenAPIDocument.endpoints {
            guard let fields = endpoint.request else { continue }
            let generates = endpoint.chunk != nil
            let isOther = endpoint.path == "/tokenize" || endpoint.path == "/apply-template"
            let own = fields.filter {
                $0.remedy == nil && !(generates && shared.contains($0.name))
                    && !(isOther && conversation.contains($0.name))
            }
            text += "### \(endpoint.path)\n\n\(endpoint.summary)\(notes[endpoint.path] ?? "")\n\n\(table(own))\n"
        }
        return text
    }

    private static func table(_ fields: [Field]) -> String {
        var lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
        for field in fields { lines += rows(field, path: "") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rows(_ field: Field, path: String) -> [String] {
        let name = path + field.name
        let value = field.defaultValue.flatMap { try? $0.text() }.map { "`\($0)`" }
        let standard = field.isRequired ? "required" : value ?? ""
        let row = "| `\(name)` | \(field.schema.expectation) | \(standard) | \(field.about) |"
        return [row] + inner(field.schema, name)
    }

    /// The keys of objects inside a value.
    private static func inner(_ schema: Schema, _ path: String) -> [String] {
        switch schema {
        case .object(let fields): fields.flatMap { rows($0, path: path + ".") }
        case .array(let element, _): inner(element, path + "[]")
        case .any(let schemas): schemas.flatMap { inner($0, path) }
        default: []
        }
    }

    private static var llamaDefaults: String {
        let own = GenerationOptions.samplingFields(defaults: GenerationOptions.openAIDefaults)
        let llama = GenerationOptions.samplingFields(defaults: GenerationOptions.llamaDefaults)
        return zip(own, llama).filter { $0.defaultValue != $1.defaultValue }
            .map { "`\($1.name)` \((try? $1.defaultValue?.text()) ?? "")" }.joined(separator: ", ")
    }

    private static var unsupported: String {
        let shared = GenerationOptions.unsupportedFields
        let names = Set(shared.map(\.name))
        let chat = ChatBody.fields.filter { $0.remedy != nil && !names.contains($0.name) }
        return list(shared) + "\n\nIn conversations also:\n\n" + list(chat)
    }

    /// Keys by what to do about them.
    private static func list(_ fields: [Field]) -> String {
        var remedies: [String] = []
        var names: [String: [String]] = [:]
        for field in fields {
            guard let remedy = field.remedy else { continue }
            if names[remedy] == nil { remedies.append(remedy) }
            names[remedy, default: []].append("`\(field.name)`")
        }
        return remedies.map { "- \(names[$0, default: []].joined(separator: ", ")): \($0)" }.joined(separator: "\n")
    }

    private static var metrics: String {
        let registry = MetricsRegistry()
        let metrics = ServerMetrics(registry, model: "", heads: 2)
        metrics.refused(status: 400)
        var help: [Substring: Substring] = [:]
        var lines: [String] = []
        for line in registry.text(.own).split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            guard words.count == 4 else { continue }
            if words[1] == "HELP" { help[words[2]] = words[3] }
            if words[1] == "TYPE" { lines.append("| `\(words[2])` | \(words[3]) | \(help[words[2]] ?? "") |") }
        }
        return lines.joined(separator: "\n")
    }
}
