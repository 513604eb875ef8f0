import ForetokenFiles

/// The text of a request in a ``BatchEngine`` as it is decoded, one block per forward pass, in it one piece per token.
///
/// The request is cancelled with its consumer's task, or when the stream is released.
public final class GenerationStream: AsyncSequence, Sendable {
    /// The text of one forward pass.
    public typealias Element = [TextPiece]

    let request: ScheduledRequest
    private let engine: BatchEngine

    init(_ request: ScheduledRequest, engine: BatchEngine) {
        self.request = request
        self.engine = engine
    }

    deinit {
        let (request, engine) = (request, engine)
        Task { await engine.cancel(request) }
    }

    /// Waits for the request's end and returns its text, without blocks that were already read. The request is never paused
    /// meanwhile.
    ///
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``, or `CancellationError` in a cancelled task.
    public func text() async throws -> String {
        try Task.checkCancellation()
        return try await engine.rest(of: request)
    }

    /// Ends the request where it is; its statistics stay.
    public func cancel() async { await engine.cancel(request) }

    /// Lets the request run to its end without pausing, for a consumer that will call ``text()``.
    @ComputeActor
    func collect() { request.isCollected = true }

    /// Statistics so far.
    public var statistics: GenerationStatistics {
        get async { await request.currentStatistics }
    }

    /// The scores of the prompt's tokens from its second on, if the request asks for them: complete once a block was delivered or
    /// the text has ended.
    public var promptScores: [TokenScores] {
        get async { await request.currentPromptScores }
    }

    /// Returns the iterator; every block is delivered once, whatever the number of iterators.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Iterates over the blocks in order.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: GenerationStream

        /// Returns the next block; nil at the end.
        ///
        /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``, or `CancellationError` in a cancelled task.
        public mutating func next() async throws -> [TextPiece]? {
            try Task.checkCancellation()
            return try await stream.engine.next(stream.request)
        }
    }
}

/// A request submitted to an engine, waiting or running.
@ComputeActor
final class ScheduledRequest {
    let request: GenerationRequest
    /// When it was submitted.
    let submitted = ContinuousClock().now
    /// Maximum number of cache pages it can use.
    let pages: Int
    var sequence: DecodingSequence?
    /// The completions of its prompt, if it is one of several.
    let group: CompletionGroup?
    /// Whether the consumer takes the whole text at the end.
    var isCollected = false
    /// Blocks that the consumer has not taken yet.
    var blocks: [[TextPiece]] = []
    var consumer: CheckedContinuation<[TextPiece]?, any Error>?
    private(set) var isEnded = false
    private(set) var failure: (any Error)?
    var statistics = GenerationStatistics()
    var promptScores: [TokenScores] = []

    init(_ request: GenerationRequest, pages: Int, group: CompletionGroup? = nil) {
        self.request = request
        self.pages = pages
        self.group = group
    }

    var currentStatistics: GenerationStatistics { sequence?.statistics ?? statistics }
    var currentPromptScores: [TokenScores] { sequence?.promptScores ?? promptScores }

    func deliver(_ block: [TextPiece]) {
        if let consumer, !isCollected {
            self.consumer = nil
            consumer.resume(returning: block)
        } else {
            blocks.append(block)
        }
    }

    func take() -> [TextPiece]? { blocks.isEmpty ? nil : blocks.removeFirst() }

    func end(_ error: (any Error)?) {
        isEnded = true
        failure = error
        guard let consumer else { return }
        self.consumer = nil
        if let error { consumer.resume(throwing: error) } else { consumer.resume(returning: nil) }
    }
}

/// Completions of one prompt: the first to start runs the prompt, and the others fork its cache when they start.
@ComputeActor
final class CompletionGroup {
    /// Completions that have not started.
    var waiting: Int
    /// The completion that runs the prompt.
    var leader: ScheduledRequest?
    /// The leader's sequence and the length of the prompt in it, once the prompt is in its cache.
    var prompt: (sequence: DecodingSequence, length: Int)?
    /// Pages of a leader that ended while other completions wait.
    var heldPages = 0

    init(waiting: Int) { self.waiting = waiting }
}
