import ForetokenModel
public import ForetokenText

/// One request being decoded, a block of tokens a call.
public final class DecodingSession {
    private let engine: DecodeEngine
    private let sequence: DecodingSequence
    private var isFailureReported = false

    /// Counts and times so far.
    public var statistics: GenerationStatistics { sequence.statistics }

    /// A session: heads 2…k draft if the request uses more than one head.
    ///
    /// - Throws: ``DecodingError`` for a request that makes no sense, ``DecodingError/outOfMemory(_:)``.
    public convenience init(
        _ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer
    ) throws {
        try self.init(DecodeEngine(model), request, tokenizer: tokenizer)
    }

    init(_ engine: DecodeEngine, _ request: GenerationRequest, tokenizer: any Tokenizer) throws {
        self.engine = engine
        sequence = try DecodingSequence(engine.model, request, tokenizer: tokenizer, pool: engine.pool)
    }

    /// Decodes one block.
    ///
    /// - Returns: the text that became certain, or nil after the end.
    /// - Throws: ``DecodingError/notFinite(position:)`` after the text before it, ``DecodingError/outOfMemory(_:)``.
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
