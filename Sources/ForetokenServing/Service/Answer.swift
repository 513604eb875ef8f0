import ForetokenDecoding
import ForetokenFiles
import Synchronization

/// Writes the answers of one endpoint, as a whole or chunk by chunk.
protocol AnswerWriter: Sendable {
    /// What ends a stream.
    var end: String? { get }
    /// The answer as a whole.
    func whole(_ choices: [Choice], _ results: AnswerResults) -> String
    /// A chunk of a stream; nil if there is nothing to say yet.
    mutating func chunk(_ part: Choice, timings: Timings?) -> String?
    /// The last chunk of one text.
    mutating func last(_ part: Choice, _ results: AnswerResults) -> String?
    /// The chunk of token counts before the end of a stream.
    func usageChunk(_ usage: Usage) -> String?
}

/// The figures of an answer.
struct AnswerResults: Sendable {
    var usage: Usage
    var timings: Timings
    /// Of the last text that ended.
    var statistics: GenerationStatistics
}

/// A prompt with the request that continues it.
struct PreparedPrompt: Sendable {
    var request: GenerationRequest
    /// The text, if the answer shows it.
    var echo: String?
}

/// One request for texts, from its admission to the answer.
struct Answer<Writer: AnswerWriter>: Sendable {
    let api: API
    let model: ServedModel
    let options: GenerationOptions
    let prompts: [PreparedPrompt]
    let writer: Writer
    /// The key of the request that holds the prompt.
    let promptKey: String

    /// Generates the texts and answers, in a stream if the client asked for one.
    func reply() async throws(APIError) -> ServerReply {
        do {
            return try await start()
        } catch {
            throw APIError(error, parameter: promptKey)
        }
    }

    private func start() async throws -> ServerReply {
        try api.checkIsRunning()
        let texts = prompts.count * options.completions
        guard texts <= api.admission.limit else { throw APIError.tooManyTexts(texts, limit: api.admission.limit) }
        guard let place = api.admission.enter(texts) else {
            throw APIError.overloaded(queue: api.settings.queue, retryAfterSeconds: 1)
        }
        let progress = AnswerProgress(
            writer, prompts: prompts, completions: options.completions, metrics: api.metrics.of(model))
        let generation = try await submit()
        guard options.streams else {
            defer { place.leave() }
            return ServerReply(.json(try await run(generation, progress) { _ in }.whole()))
        }
        return ServerReply(
            .events { write in
                defer { place.leave() }
                @Sendable func send(_ text: String) async throws { try await write(Array(text.utf8)) }
                do {
                    let progress = try await run(generation, progress) { chunks in
                        // One write for a pass.
                        if !chunks.isEmpty { try await send(chunks.map(EventStream.data).joined()) }
                    }
                    if let usage = progress.usageChunk() { try await send(EventStream.data(usage)) }
                } catch let error where !(error is CancellationError) {
                    // The status has been sent.
                    try await send(EventStream.error(APIError(error, parameter: promptKey)))
                }
                if let end = writer.end { try await send(end) }
            })
    }

    private func submit() async throws -> Generation {
        var generation = try await Generation(
            prompts.map(\.request), completions: options.completions, on: model.language.engine)
        generation.lineLimit = LineLimit(
            after: options.maximumMilliseconds.map { .milliseconds($0) }, indentation: options.indentation)
        generation.reportsStatistics = options.timings == .perChunk
        return generation
    }

    /// Runs the generation within the server's time limit.
    private func run(
        _ generation: Generation, _ progress: AnswerProgress<Writer>,
        _ send: @escaping @Sendable ([String]) async throws -> Void
    ) async throws -> AnswerProgress<Writer> {
        do {
            try await api.texts.run {
                try await withDeadline(api.settings.timeout) {
                    try await generation.run { index, event in
                        try await send(progress.chunks(index, event, streams: options.streams))
                    }
                }
            }
        } catch {
            progress.abort()
            throw api.texts.isCancelled ? APIError.shuttingDown : error
        }
        return progress
    }
}

/// Runs an operation, and cancels it when its time is over.
///
/// - Throws: `APIError.timedOut(seconds:)`; what the operation throws.
func withDeadline(_ limit: Duration?, _ operation: @escaping @Sendable () async throws -> Void) async throws {
    guard let limit else { return try await operation() }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask(operation: operation)
        group.addTask {
            try await Task.sleep(for: limit)
            throw APIError.timedOut(seconds: Int(limit.components.seconds))
        }
        defer { group.cancelAll() }
        try await group.next()
    }
}

extension APIError {
    static func tooManyTexts(_ texts: Int, limit: Int) -> APIError {
        .invalid(
            "The request asks for \(texts) completions at once, and the server takes at most \(limit); send fewer prompts or a "
                + "smaller 'n'.", parameter: "prompt", code: "too_many_completions")
    }
}
