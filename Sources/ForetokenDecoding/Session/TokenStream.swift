public import ForetokenText
import Torch

/// The text of a request as it is decoded, on the torch thread.
///
/// Pull-based: a block is decoded when the consumer asks for it, so a slow consumer holds the decoder back, and a cancelled
/// task stops it.
public struct TokenStream: AsyncSequence, Sendable {
    /// The text of one forward pass.
    public typealias Element = [TextPiece]

    private let model: DecodeModel
    private let request: GenerationRequest
    private let tokenizer: any Tokenizer

    /// A stream that decodes the request anew for each iterator.
    public init(_ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer = ByteTokenizer()) {
        self.model = model
        self.request = request
        self.tokenizer = tokenizer
    }

    /// An iterator with a session of its own.
    public func makeAsyncIterator() -> Iterator { Iterator(state: State(model, request, tokenizer)) }

    /// Decodes a block a call.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let state: State

        /// The next block's text; nil at the end.
        ///
        /// - Throws: ``DecodingError``, or `CancellationError` in a cancelled task.
        public mutating func next() async throws -> [TextPiece]? {
            try Task.checkCancellation()
            return try await state.step()
        }

        /// What was done so far.
        public var statistics: GenerationStatistics {
            get async { await state.statistics }
        }
    }

    @TorchActor
    final class State {
        private let model: DecodeModel
        private let request: GenerationRequest
        private let tokenizer: any Tokenizer
        private var session: DecodingSession?

        var statistics: GenerationStatistics { session?.statistics ?? GenerationStatistics() }

        nonisolated init(_ model: DecodeModel, _ request: GenerationRequest, _ tokenizer: any Tokenizer) {
            self.model = model
            self.request = request
            self.tokenizer = tokenizer
        }

        func step() throws -> [TextPiece]? {
            let session = try session ?? DecodingSession(model, request, tokenizer: tokenizer)
            self.session = session
            return try session.step()
        }
    }
}
