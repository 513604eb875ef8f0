package import ForetokenDecoding

/// The server's metrics of one model: vLLM's names under `foretoken:`, with the label `model_name`.
package struct ServerMetrics: Sendable {
    private typealias Handle = MetricsRegistry.Handle

    private let registry: MetricsRegistry
    private let label: MetricsRegistry.Label

    private let running: Handle
    private let waiting: Handle
    private let cacheUsage: Handle
    private let cacheQueries: Handle
    private let cacheHits: Handle
    private let promptTokens: Handle
    private let generatedTokens: Handle
    private let timeToFirstToken: Handle
    private let interTokenLatency: Handle
    private let latency: Handle
    private let queueTime: Handle
    private let prefillTime: Handle
    private let decodeTime: Handle
    private let drafts: Handle
    private let draftTokens: Handle
    private let acceptedTokens: Handle
    private let acceptedPerPosition: [Handle]
    private let forwards: Handle
    private let sequencesPerForward: Handle
    private let forwardSequences: Handle

    /// Registers the metrics of a model; several models may share a registry.
    package init(_ registry: MetricsRegistry, model: String, heads: Int) {
        let label = (name: "model_name", value: model)
        func gauge(_ name: String, _ help: String) -> Handle {
            registry.register(name, help: help, .gauge, labels: [label])
        }
        func counter(_ name: String, _ help: String, _ more: [MetricsRegistry.Label] = []) -> Handle {
            registry.register(name + "_total", help: help, .counter, labels: [label] + more)
        }
        func histogram(_ name: String, _ help: String, _ bounds: [Double]) -> Handle {
            registry.register(name + "_seconds", help: help, .histogram, bounds: bounds, labels: [label])
        }
        (self.registry, self.label) = (registry, label)
        running = gauge("num_requests_running", "Requests that are being decoded.")
        waiting = gauge("num_requests_waiting", "Requests in the queue.")
        cacheUsage = gauge("kv_cache_usage_perc", "Used part of the key-value cache; 1 is all of it.")
        cacheQueries = counter("prefix_cache_queries", "Prompt tokens that were looked up in the prefix cache.")
        cacheHits = counter("prefix_cache_hits", "Prompt tokens that were found in the prefix cache.")
        promptTokens = counter("prompt_tokens", "Prompt tokens of all requests.")
        generatedTokens = counter("generation_tokens", "Generated tokens.")
        timeToFirstToken = histogram(
            "time_to_first_token", "Seconds from a request's arrival to its first token.", Self.firstTokenBounds)
        interTokenLatency = histogram(
            "inter_token_latency", "Seconds between the tokens of a request.", Self.tokenBounds)
        latency = histogram(
            "e2e_request_latency", "Seconds from a request's arrival to its end.", Self.requestBounds)
        queueTime = histogram("request_queue_time", "Seconds of a request in the queue.", Self.requestBounds)
        prefillTime = histogram("request_prefill_time", "Seconds of a prompt's pass.", Self.requestBounds)
        decodeTime = histogram(
            "request_decode_time", "Seconds of a request after its prompt's pass.", Self.requestBounds)
        drafts = counter("spec_decode_num_drafts", "Passes that verified drafts.")
        draftTokens = counter("spec_decode_num_draft_tokens", "Drafts that were verified.")
        acceptedTokens = counter("spec_decode_num_accepted_tokens", "Drafts that were accepted.")
        acceptedPerPosition = (0..<max(0, heads - 1)).map {
            counter(
                "spec_decode_num_accepted_tokens_per_pos", "Drafts that were accepted, by their position.",
                [("position", String($0))])
        }
        forwards = counter("forward_passes", "Forward passes of the model.")
        forwardSequences = counter("forward_pass_sequences", "Sequences in all forward passes.")
        sequencesPerForward = gauge("sequences_per_forward_pass", "Mean number of sequences in a forward pass.")
        for reason in Finish.allCases { _ = finished(reason) }
    }

    // MARK: Recording

    /// How a request ended.
    package enum Finish: String, CaseIterable, Sendable {
        case stop
        case length
        /// The client left, or the server ended it.
        case abort
    }

    /// Sets the numbers of requests that are decoded and that wait.
    package func requests(running: Int, waiting: Int) {
        registry.set(Double(running), of: self.running)
        registry.set(Double(waiting), of: self.waiting)
    }

    /// Sets the used part of the key-value cache, 0 to 1.
    package func cache(usage: Double) { registry.set(usage, of: cacheUsage) }

    /// Counts forward passes, and the sequences in all of them.
    package func forwards(_ passes: Int, sequences: Int) {
        guard passes > 0 else { return }
        registry.add(Double(passes), to: forwards)
        registry.add(Double(sequences), to: forwardSequences)
        registry.set(
            registry.value(of: forwardSequences) / registry.value(of: forwards), of: sequencesPerForward)
    }

    /// A request left the queue after this number of seconds.
    package func started(queueSeconds: Double) { registry.observe(queueSeconds, in: queueTime) }

    /// A request's first token came.
    ///
    /// - Parameters:
    ///   - seconds: since its arrival.
    ///   - promptTokens: all tokens of its prompt.
    ///   - cachedTokens: those that were in the prefix cache.
    package func firstToken(seconds: Double, promptTokens: Int, cachedTokens: Int) {
        registry.observe(seconds, in: timeToFirstToken)
        registry.add(Double(promptTokens), to: self.promptTokens)
        registry.add(Double(promptTokens), to: cacheQueries)
        registry.add(Double(cachedTokens), to: cacheHits)
    }

    /// A pass generated tokens of a request.
    ///
    /// - Parameters:
    ///   - tokens: their number.
    ///   - seconds: since the request's token before them; nil for its first tokens.
    package func generated(tokens: Int, seconds: Double?) {
        registry.add(Double(tokens), to: generatedTokens)
        guard let seconds, tokens > 0 else { return }
        registry.observe(seconds / Double(tokens), in: interTokenLatency)
    }

    /// A request ended.
    ///
    /// - Parameters:
    ///   - finish: how.
    ///   - seconds: since its arrival.
    ///   - statistics: the engine's.
    package func ended(_ finish: Finish, seconds: Double, statistics: GenerationStatistics) {
        registry.add(1, to: finished(finish))
        registry.observe(seconds, in: latency)
        registry.observe(statistics.prefillSeconds, in: prefillTime)
        registry.observe(statistics.decodeSeconds, in: decodeTime)
        registry.add(Double(statistics.drafts.passes), to: drafts)
        registry.add(Double(statistics.drafts.proposed), to: draftTokens)
        registry.add(Double(statistics.drafts.accepted), to: acceptedTokens)
        for (handle, count) in zip(acceptedPerPosition, statistics.drafts.acceptedPerPosition) {
            registry.add(Double(count), to: handle)
        }
    }

    /// A request was answered with an error.
    package func refused(status: Int) {
        let handle = registry.register(
            "request_refused_total", help: "Requests that were answered with an error, by its status.", .counter,
            labels: [label, ("status", String(status))])
        registry.add(1, to: handle)
    }

    private func finished(_ finish: Finish) -> Handle {
        registry.register(
            "request_success_total", help: "Requests that ended, by the reason.", .counter,
            labels: [label, ("finished_reason", finish.rawValue)])
    }

    // MARK: Buckets

    // vLLM's, with smaller ones in front: small models decode a request in less than its smallest.
    private static let firstTokenBounds: [Double] = [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
        2560,
    ]
    private static let tokenBounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75,
        1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ]
    static let requestBounds: [Double] = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240,
        480, 960, 1920, 7680,
    ]
}
