import ForetokenDecoding

/// What happens to a text while it is generated.
enum TextEvent: Sendable {
    /// The prompt has been read: the scores of its tokens from its second on, if the request asks for them.
    case prompt([TokenScores], GenerationStatistics)
    /// Tokens were generated; with the statistics so far, if these are wanted.
    case pieces([TextPiece], GenerationStatistics?)
    /// The text has ended.
    case end(GenerationStatistics)
}

/// Texts being generated for one client: for every prompt, one text or several.
struct Generation: Sendable {
    private let streams: [GenerationStream]
    /// At which line each text ends.
    var lineLimit = LineLimit(after: nil, indentation: 0)
    /// Whether statistics are delivered with every block.
    var reportsStatistics = false

    /// Submits the requests to an engine. Nothing is generated if one of them is invalid.
    ///
    /// - Parameters:
    ///   - requests: one for each prompt.
    ///   - completions: texts for each prompt.
    /// - Throws: `DecodingError`.
    init(_ requests: [GenerationRequest], completions: Int, on engine: BatchEngine) async throws {
        for request in requests { try await engine.check(request) }
        var streams: [GenerationStream] = []
        for request in requests { streams += try await engine.submit(request, completions: completions) }
        self.streams = streams
    }

    /// Delivers the texts' events: of each text in order, of several as they come. Texts that are not taken wait.
    ///
    /// - Parameter deliver: called with the text's number and the event.
    /// - Throws: `DecodingError`, `CancellationError`, what `deliver` throws; the texts are then cancelled.
    func run(_ deliver: @escaping @Sendable (Int, TextEvent) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, stream) in streams.enumerated() {
                group.addTask {
                    try await run(stream) { try await deliver(index, $0) }
                }
            }
            try await group.waitForAll()
        }
    }

    private func run(
        _ stream: GenerationStream, deliver: (TextEvent) async throws -> Void
    ) async throws {
        var limit = lineLimit
        var hasBegun = false
        func begin() async throws {
            if !hasBegun { try await deliver(.prompt(stream.promptScores, stream.statistics)) }
            hasBegun = true
        }
        for try await pieces in stream {
            try await begin()
            let statistics = reportsStatistics ? await stream.statistics : nil
            let rest = limit.cut(pieces)
            try await deliver(.pieces(rest ?? pieces, statistics))
            if rest != nil {
                await stream.cancel()
                break
            }
        }
        try await begin()
        try await deliver(.end(stream.statistics))
    }
}
