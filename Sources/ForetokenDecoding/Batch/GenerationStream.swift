import Torch

/// A request in a ``BatchEngine``: its text as it is decoded, one block a forward pass.
///
/// The request ends when its task is cancelled or nobody holds the stream any more.
public final class GenerationStream: AsyncSequence, Sendable {
    /// The text of one forward pass.
    public typealias Element = [TextPiece]

    private let ticket: Ticket
    private let engine: BatchEngine

    init(ticket: Ticket, engine: BatchEngine) {
        self.ticket = ticket
        self.engine = engine
    }

    deinit {
        let (ticket, engine) = (ticket, engine)
        Task { await engine.cancel(ticket) }
    }

    /// What was done so far.
    public var statistics: GenerationStatistics {
        get async { await ticket.currentStatistics }
    }

    /// The one iterator that makes sense: blocks come once.
    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Takes blocks in order.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let stream: GenerationStream

        /// The next block's text; nil at the end.
        ///
        /// - Throws: ``DecodingError``, `TorchError.outOfMemory`, or `CancellationError` in a cancelled task.
        public mutating func next() async throws -> [TextPiece]? {
            try Task.checkCancellation()
            return try await stream.engine.next(stream.ticket)
        }
    }
}

/// A request's place in an engine.
@TorchActor
final class Ticket {
    let request: GenerationRequest
    /// Pages of cache that it can come to use.
    let pages: Int
    var sequence: DecodingSequence?
    /// A sequence whose prompt another sample ran.
    var fork: DecodingSequence?
    /// Samples of the same prompt that wait for this one to run it, and the one this waits for.
    var followers: [Ticket] = []
    weak var leader: Ticket?
    /// Blocks that the consumer has not taken.
    var blocks: [[TextPiece]] = []
    var consumer: CheckedContinuation<[TextPiece]?, any Error>?
    private(set) var isEnded = false
    private(set) var failure: (any Error)?
    var statistics = GenerationStatistics()

    init(_ request: GenerationRequest, pages: Int) {
        self.request = request
        self.pages = pages
    }

    var currentStatistics: GenerationStatistics { sequence?.statistics ?? statistics }

    func give(_ block: [TextPiece]) {
        if let consumer {
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
        fork = nil
        guard let consumer else { return }
        self.consumer = nil
        if let error { consumer.resume(throwing: error) } else { consumer.resume(returning: nil) }
    }
}
