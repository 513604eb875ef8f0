import ForetokenFiles

/// A request in a ``BatchEngine``: its text as it is decoded, one block a forward pass.
///
/// The request ends when its task is cancelled or nobody holds the stream any more.
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

    /// The whole text, or what of it was not taken, once the request has ended; it is never held back for that.
    ///
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``, or `CancellationError` in a cancelled task.
    public func text() async throws -> String {
        try Task.checkCancellation()
        return try await engine.rest(of: request)
    }

    /// Lets the request run ahead of its consumer as far as it goes: ``text()`` will be asked for.
    @ComputeActor
    func collect() { request.isCollected = true }

    /// What was done so far.
    public var statistics: GenerationStatistics {
        get async { await request.currentStatistics }
    }

    /// The one iterator that makes sense: blocks come once.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Takes blocks in order.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: GenerationStream

        /// The next block's text; nil at the end.
        ///
        /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``, or `CancellationError` in a cancelled task.
        public mutating func next() async throws -> [TextPiece]? {
            try Task.checkCancellation()
            return try await stream.engine.next(stream.request)
        }
    }
}

/// A request's place in an engine.
@ComputeActor
final class ScheduledRequest {
    let request: GenerationRequest
    /// Pages of cache that it can come to use.
    let pages: Int
    var sequence: DecodingSequence?
    /// The samples of its prompt, if it is one of several.
    let group: SampleGroup?
    /// Whether the consumer takes the whole text at the end.
    var isCollected = false
    /// Blocks that the consumer has not taken.
    var blocks: [[TextPiece]] = []
    var consumer: CheckedContinuation<[TextPiece]?, any Error>?
    private(set) var isEnded = false
    private(set) var failure: (any Error)?
    var statistics = GenerationStatistics()

    init(_ request: GenerationRequest, pages: Int, group: SampleGroup? = nil) {
        self.request = request
        self.pages = pages
        self.group = group
    }

    var currentStatistics: GenerationStatistics { sequence?.statistics ?? statistics }

    func give(_ block: [TextPiece]) {
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

/// Samples of one prompt: the first to start runs it, and the others fork from that one's cache when they start.
@ComputeActor
final class SampleGroup {
    /// Samples that have not started.
    var waiting: Int
    /// The one that runs the prompt.
    var leader: ScheduledRequest?
    /// The leader's sequence and how many of its tokens are the prompt's, once these are in its cache.
    var prompt: (sequence: DecodingSequence, length: Int)?
    /// Pages of a leader that has ended while others wait.
    var heldPages = 0

    init(waiting: Int) { self.waiting = waiting }
}
