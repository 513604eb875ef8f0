extension MetricsRegistry {
    /// Under which names `GET /metrics` shows the metrics.
    package enum Names: Sendable {
        /// `foretoken:`.
        case own
        /// Also `vllm:`, and `llamacpp:` where llama.cpp has a metric of that meaning, for dashboards made for them.
        case withAliases
    }

    /// The content type of ``text(_:)``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The metrics for `GET /metrics`.
    package func text(_ names: Names) -> String {
        switch names {
        case .own: text(names: [{ "foretoken:\($0)" }])
        case .withAliases:
            text(names: [
                { "foretoken:\($0)" }, { Self.ownNames.contains($0) ? nil : "vllm:\($0)" },
                { Self.llamaNames[$0].map { "llamacpp:\($0)" } },
            ])
        }
    }

    /// The metrics that vLLM has not.
    private static let ownNames: Set<String> = [
        "forward_passes_total", "forward_pass_sequences_total", "sequences_per_forward_pass", "request_refused_total",
    ]

    private static let llamaNames = [
        "prompt_tokens_total": "prompt_tokens_total",
        "generation_tokens_total": "tokens_predicted_total",
        "num_requests_running": "requests_processing",
        "num_requests_waiting": "requests_deferred",
        "forward_passes_total": "n_decode_total",
        "sequences_per_forward_pass": "n_busy_slots_per_decode",
        "spec_decode_num_drafts_total": "spec_decode_num_drafts_total",
        "spec_decode_num_draft_tokens_total": "spec_decode_num_draft_tokens_total",
        "spec_decode_num_accepted_tokens_total": "spec_decode_num_accepted_tokens_total",
        "spec_decode_num_accepted_tokens_per_pos_total": "spec_decode_num_accepted_tokens_per_pos_total",
    ]
}
