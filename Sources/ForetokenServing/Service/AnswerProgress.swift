import ForetokenDecoding
import Synchronization

/// What has been generated for a request: chunks as they come, the whole in the end.
final class AnswerProgress<Writer: AnswerWriter>: Sendable {
    private struct Text {
        var pieces: [TextPiece] = []
        /// Shown with the first part.
        var prompt: ScoredPrompt?
        var lastToken: ContinuousClock.Instant?
        var statistics: GenerationStatistics?
    }

    private struct State {
        var writer: Writer
        var texts: [Text]
        var usage = Usage()
        var timings: Timings?
        var last = GenerationStatistics()

        mutating func takePrompt(_ index: Int) -> ScoredPrompt? {
            defer { texts[index].prompt = nil }
            return texts[index].prompt
        }

        var results: AnswerResults {
            AnswerResults(
                usage: usage, timings: timings ?? Timings(last, heads: 1, promptTokens: 0, cachedTokens: 0),
                statistics: last)
        }
    }

    private let state: Mutex<State>
    private let prompts: [PreparedPrompt]
    private let completions: Int
    private let metrics: ServerMetrics?
    private let begin = ContinuousClock().now

    init(
        _ writer: Writer, prompts: [PreparedPrompt], completions: Int, metrics: ServerMetrics?
    ) {
        (self.prompts, self.completions, self.metrics) = (prompts, completions, metrics)
        state = Mutex(State(writer: writer, texts: [Text](repeating: Text(), count: prompts.count * completions)))
    }

    private var elapsed: Double { (ContinuousClock().now - begin) / .seconds(1) }

    /// Takes an event of a text.
    ///
    /// - Returns: the chunks to send, if the answer is a stream.
    func chunks(_ index: Int, _ event: TextEvent, streams: Bool) -> [String] {
        let prompt = prompts[index / completions]
        return state.withLock { state in
            switch event {
            case .prompt(let scores, let statistics):
                metrics?.started(queueSeconds: statistics.waitingSeconds)
                metrics?.firstToken(
                    seconds: elapsed, promptTokens: prompt.request.prompt.count,
                    cachedTokens: statistics.reusedPromptTokens)
                let echoed = ScoredPrompt(
                    text: prompt.echo ?? "", tokens: prompt.request.prompt,
                    scores: prompt.request.scoresPrompt ? [nil] + scores : [])
                if prompt.echo != nil || prompt.request.scoresPrompt { state.texts[index].prompt = echoed }
                return []
            case .pieces(let pieces, let statistics):
                record(pieces, of: index, &state)
                guard streams else {
                    state.texts[index].pieces += pieces
                    return []
                }
                let part = Choice(index: index, prompt: state.takePrompt(index), pieces: pieces, finish: nil)
                let timings = statistics.map {
                    Timings(
                        $0, heads: prompt.request.heads, promptTokens: prompt.request.prompt.count,
                        cachedTokens: $0.reusedPromptTokens)
                }
                return [state.writer.chunk(part, timings: timings)].compactMap(\.self)
            case .end(let statistics):
                finish(statistics, index, prompt.request, &state)
                guard streams else { return [] }
                let part = Choice(
                    index: index, prompt: state.takePrompt(index), pieces: [],
                    finish: FinishReason(statistics.stopReason ?? .maximumTokens))
                return [state.writer.last(part, state.results)].compactMap(\.self)
            }
        }
    }

    private func record(_ pieces: [TextPiece], of index: Int, _ state: inout State) {
        let now = ContinuousClock().now
        let tokens = pieces.count { $0.token != nil }
        metrics?.generated(tokens: tokens, seconds: state.texts[index].lastToken.map { (now - $0) / .seconds(1) })
        state.texts[index].lastToken = now
    }

    private func finish(
        _ statistics: GenerationStatistics, _ index: Int, _ request: GenerationRequest, _ state: inout State
    ) {
        // The completions of a prompt share it.
        let isFirst = index.isMultiple(of: completions)
        let cached = isFirst ? statistics.reusedPromptTokens : 0
        let promptTokens = isFirst ? request.prompt.count : 0
        state.texts[index].statistics = statistics
        state.last = statistics
        state.usage += Usage(
            promptTokens: promptTokens, cachedTokens: cached, completionTokens: statistics.tokens.count,
            drafts: statistics.drafts)
        let timings = Timings(statistics, heads: request.heads, promptTokens: promptTokens, cachedTokens: cached)
        if state.timings == nil { state.timings = timings } else { state.timings! += timings }
        metrics?.ended(
            FinishReason(statistics.stopReason ?? .maximumTokens) == .stop ? .stop : .length, seconds: elapsed,
            statistics: statistics)
    }

    /// Counts the texts that were given up.
    func abort() {
        state.withLock { state in
            for text in state.texts where text.statistics == nil {
                metrics?.ended(.abort, seconds: elapsed, statistics: GenerationStatistics())
            }
        }
    }

    /// The answer as a whole.
    func whole() -> String {
        state.withLock { state in
            let choices = state.texts.indices.map { index in
                Choice(
                    index: index, prompt: state.takePrompt(index), pieces: state.texts[index].pieces,
                    finish: FinishReason(state.texts[index].statistics?.stopReason ?? .maximumTokens))
            }
            return state.writer.whole(choices, state.results)
        }
    }

    /// The chunk of token counts.
    func usageChunk() -> String? { state.withLock { $0.writer.usageChunk($0.usage) } }
}
