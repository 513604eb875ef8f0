import ForetokenModel
public import ForetokenText

/// Decodes one request, a block of tokens per call.
public final class DecodingSession {
    private let engine: DecodeEngine
    private let sequence: DecodingSequence
    private var isFailureReported = false

    /// Counts and times so far.
    public var statistics: GenerationStatistics { sequence.statistics }

    /// Creates a session. Heads 2…k draft if the request uses more than one head.
    ///
    /// - Throws: ``DecodingError`` for an invalid request, ``DecodingError/outOfMemory(_:)``.
    public convenience init(
        _ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer
    ) throws {
        try self.init(DecodeEngine(model), request, tokenizer: tokenizer)
    }

    init(_ engine: DecodeEngine, _ request: GenerationRequest, tokenizer: any Tokenizer) throws {
        self.engine = engine
        sequence = try DecodingSequence(engine.model, request, tokenizer: tokenizer, allocator: engine.allocator)
    }

    /// Decodes one block.
    ///
    /// - Returns: the text that became final, or nil after the end.
    /// - Throws: ``DecodingError/notFinite(position:)``, once the text before that position has been returned;
    ///   ``DecodingError/outOfMemory(_:)``.
    public func step() throws -> [TextPiece]? {
        if let failure = sequence.failure, !isFailureReported {
            isFailureReported = true
            throw failure
        }
        guard !sequence.isFinished else { return nil }
        let forwards = sequence.statistics.forwards
        repeat { try engine.step([sequence]) } while sequence.statistics.forwards == forwards && !sequence.isFinished
        let pieces = sequence.takePieces()
        if let failure = sequence.failure, pieces.isEmpty {
            isFailureReported = true
            throw failure
        }
        return pieces
    }
}
