import ForetokenModel
public import ForetokenText

/// One sequence being decoded, a block of tokens a call.
///
/// Head 1 decides and the other heads propose (blockwise parallel decoding, arXiv 1811.03115): one pass over [last token,
/// drafts…] gives head 1's token at every place, and drafts are kept as long as they equal it. Every emitted token is head
/// 1's own choice from logits that do not depend on the drafts beside it, so the text is that of next-token decoding.
public final class DecodingSession {
    /// Counts and times so far.
    public private(set) var statistics = GenerationStatistics()

    private let model: DecodeModel
    private let tokenizer: any Tokenizer
    private let request: GenerationRequest
    private let verifier: Verifier
    private let drafter: (any Drafter)?
    private var assembler: TextAssembler
    /// Tokens that are chosen and in no cache yet, at first the prompt.
    private var pending: [Int32]
    private var drafts: [Int32] = []

    /// A session over a model of its own speed: heads 2…k draft if the request uses more than one head.
    ///
    /// - Throws: ``DecodingError`` for a request that makes no sense, `TorchError.outOfMemory`.
    public convenience init(
        _ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer = ByteTokenizer()
    ) throws {
        try self.init(model, request, tokenizer: tokenizer) { pool, maximum in
            request.heads > 1 ? SelfDrafter(model, heads: request.heads, maximum: maximum, pool: pool) : nil
        }
    }

    /// A session with another drafter; tests draft always right, never right and sometimes right.
    init(
        _ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer,
        drafter: (CachePool, Int) throws -> (any Drafter)?
    ) throws {
        try request.validate(for: model)
        self.model = model
        self.tokenizer = tokenizer
        self.request = request
        let pool = CachePool(model)
        let maximum = min(model.configuration.context, request.prompt.count + request.maximumTokens + request.heads)
        verifier = Verifier(model, maximum: maximum, pool: pool)
        self.drafter = try drafter(pool, maximum)
        assembler = TextAssembler(stopStrings: request.stopStrings)
        pending = request.prompt
        statistics.draftedPerPosition = [Int](repeating: 0, count: request.heads - 1)
        statistics.acceptedPerPosition = statistics.draftedPerPosition
    }

    /// Decodes one block.
    ///
    /// - Returns: the text that became certain, or nil after the end.
    /// - Throws: ``DecodingError/notFinite(position:)``.
    public func step() throws -> [TextPiece]? {
        guard statistics.stopReason == nil else { return nil }
        let clock = ContinuousClock()
        let begin = clock.now
        let isPrefill = statistics.forwards == 0
        let block = try nextBlock()
        statistics.forwards += 1
        var pieces: [TextPiece] = []
        for (index, token) in block.enumerated() {
            let text = append(token, isDraft: index < block.count - 1 && !isPrefill)
            pieces += text
            if statistics.stopReason != nil { break }
        }
        if statistics.stopReason != nil { pieces += assembler.finish() } else { try propose() }
        let elapsed = (clock.now - begin).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        if isPrefill { statistics.prefillSeconds += seconds } else { statistics.decodeSeconds += seconds }
        return pieces
    }

    /// One pass over the pending tokens and the drafts: the accepted drafts and head 1's own token after them.
    private func nextBlock() throws -> [Int32] {
        let vocabulary = model.configuration.vocabulary
        let first = verifier.committed + pending.count
        let result = try verifier.pass(pending + drafts, outputs: 1 + drafts.count)
        var block: [Int32] = []
        for row in 0...drafts.count {
            let position = first + row
            guard
                let token = request.sampler.token(
                    result.logits + row * vocabulary, count: vocabulary, position: position)
            else { throw DecodingError.notFinite(position: position) }
            block.append(token)
            guard row < drafts.count else { break }
            statistics.draftedPerPosition[row] += 1
            guard drafts[row] == token else {
                for later in (row + 1)..<max(row + 1, drafts.count) { statistics.draftedPerPosition[later] += 1 }
                break
            }
            statistics.acceptedPerPosition[row] += 1
        }
        let kept = pending.count + block.count - 1
        drafter?.advance(result.latent, rows: kept)
        verifier.commit(kept)
        pending = [block[block.count - 1]]
        return block
    }

    /// Guesses for the tokens after the pending one, as many as can still be used.
    private func propose() throws {
        let position = verifier.committed + 1
        let room = min(
            request.maximumTokens - statistics.tokens.count - 1, model.configuration.context - position - 1,
            request.heads - 1)
        drafts = room > 0 ? try drafter?.propose(room, position: position, sampler: request.sampler) ?? [] : []
    }

    /// Emits a token, or ends the text at it.
    private func append(_ token: Int32, isDraft: Bool) -> [TextPiece] {
        if token == model.configuration.endOfText {
            statistics.stopReason = .endOfText
            return []
        }
        statistics.tokens.append(token)
        let (pieces, isStopped) = assembler.push(tokenizer.bytes(of: token), isDraft: isDraft)
        if isStopped {
            statistics.stopReason = .stopString
        } else if statistics.tokens.count >= request.maximumTokens {
            statistics.stopReason = .maximumTokens
        } else if request.prompt.count + statistics.tokens.count >= model.configuration.context {
            statistics.stopReason = .contextFull
        }
        return pieces
    }
}
