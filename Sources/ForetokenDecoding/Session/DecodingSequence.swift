import ForetokenModel
import ForetokenText

/// One request being decoded: its tokens, its caches and its text. ``DecodeEngine`` advances it, alone or beside others.
///
/// Head 1 decides and the other heads propose (blockwise parallel decoding, arXiv 1811.03115): one pass over [last token,
/// drafts…] gives head 1's token at every place, and drafts are kept as long as they equal it. Every emitted token is head
/// 1's own choice from logits that do not depend on the drafts beside it, so the text is that of next-token decoding.
final class DecodingSequence {
    let request: GenerationRequest
    var statistics = GenerationStatistics()
    /// Text that became certain and was not taken yet.
    private var pieces: [TextPiece] = []

    /// Keys and values of the trunk and head 1.
    let cache: KeyValueCache
    /// Positions whose tokens are committed.
    private(set) var committed = 0
    /// Tokens that are chosen and in no cache yet, at first the prompt.
    private(set) var pending: [Int32]
    /// Guesses of the tokens after the pending ones.
    var drafts: [Int32] = []
    /// What the drafting heads know of this sequence.
    let draftState: DraftState
    /// How often drafts at each place are right, for the choice of the next depth.
    var acceptance: AcceptanceEstimate
    private(set) var history: TokenHistory

    private let configuration: ModelConfiguration
    private let tokenizer: any Tokenizer
    private var assembler: TextAssembler

    /// - Throws: ``DecodingError`` for a request that makes no sense.
    init(_ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer, pool: CachePool) throws {
        try request.validate(for: model)
        self.request = request
        self.tokenizer = tokenizer
        configuration = model.configuration
        let maximum = request.mostSlots(context: configuration.context)
        cache = KeyValueCache(layers: model.nextTokenBlocks, maximum: maximum, pool: pool)
        draftState = DraftState(model, heads: request.heads, maximum: maximum, pool: pool)
        acceptance = AcceptanceEstimate(drafts: request.heads - 1)
        assembler = TextAssembler(stopStrings: request.stopStrings)
        pending = request.prompt
        history = TokenHistory(prompt: request.sampler.readsHistory ? request.prompt : [])
        statistics.drafts = DraftCounts(positions: request.heads - 1)
    }

    /// A sequence for a request whose prompt begins with `length` tokens that another one has committed: full pages of the
    /// caches are shared.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    init(
        _ model: DecodeModel, forking other: DecodingSequence, _ request: GenerationRequest, length: Int
    ) throws {
        self.request = request
        tokenizer = other.tokenizer
        configuration = other.configuration
        let maximum = request.mostSlots(context: configuration.context)
        cache = try other.cache.fork(length, maximum: maximum)
        draftState = try DraftState(
            model, forking: other.draftState, length, heads: request.heads, maximum: maximum)
        acceptance = AcceptanceEstimate(drafts: request.heads - 1)
        committed = length
        pending = Array(request.prompt.dropFirst(length))
        assembler = TextAssembler(stopStrings: request.stopStrings)
        history = TokenHistory(prompt: request.sampler.readsHistory ? request.prompt : [])
        statistics.drafts = DraftCounts(positions: request.heads - 1)
    }

    /// Why it cannot go on.
    var failure: (any Error)?
    /// Whether the prompt's last token must wait until the other samples have forked.
    var waitsToFork = false
    var isReadyToFork: Bool { waitsToFork && pending.count == 1 && isPrefilling }
    var isFinished: Bool { statistics.stopReason != nil || failure != nil }
    var isPrefilling: Bool { statistics.forwards == 0 }

    /// Tokens of the prompt and those chosen.
    var knownTokens: Int { request.prompt.count + statistics.tokens.count }

    /// The token at a position below ``knownTokens``.
    func token(at position: Int) -> Int32 {
        position < request.prompt.count
            ? request.prompt[position] : statistics.tokens[position - request.prompt.count]
    }

    /// The tokens of the next pass and how many of its rows need logits: all pending tokens with the drafts, or a part of a
    /// long prompt, which needs none.
    func nextTokens(atMost limit: Int) -> (tokens: [Int32], outputs: Int) {
        if waitsToFork { return (Array(pending.prefix(min(limit, pending.count - 1))), 0) }
        if pending.count > limit { return (Array(pending.prefix(limit)), 0) }
        return (pending + drafts, 1 + drafts.count)
    }

    /// Commits a part of the prompt.
    func commitPrompt(_ count: Int) {
        pending.removeFirst(count)
        committed += count
    }

    /// Chooses the tokens of a pass and commits them, up to the end of the text: what lies behind that has no effect.
    ///
    /// A row that is not made of numbers, where next-token decoding would meet it, sets ``failure``.
    ///
    /// - Parameter logits: head 1's [1 + drafts, V], from the last pending token on.
    /// - Returns: how many tokens of the pass stay, from its first.
    func accept(_ logits: UnsafePointer<Float>, scratch: FloatBuffer) -> Int {
        let vocabulary = configuration.vocabulary
        let first = committed + pending.count
        let isPrompt = isPrefilling
        var noted = 0
        let verified: Verification
        do {
            verified = try verify(drafts: drafts) { row, before in
                if request.sampler.readsHistory, let last = before.last {
                    history.append(last)
                    noted += 1
                }
                return try request.sampler.token(
                    logits + row * vocabulary, count: vocabulary, position: first + row, history: history,
                    scratch: scratch)
            }
        } catch {
            failure = error
            return 0
        }
        for token in verified.tokens.prefix(noted) { history.remove(token) }
        var emitted = 0
        for (index, token) in verified.tokens.enumerated() where !isFinished {
            append(token, isDraft: index < verified.accepted && !isPrompt)
            if request.sampler.readsHistory { history.append(token) }
            emitted += 1
        }
        if emitted > 0 { statistics.forwards += 1 }
        if verified.isBroken, !isFinished { failure = DecodingError.notFinite(position: first + verified.tokens.count) }
        // Of a block that the text ended in, as if it had been no longer.
        let isCut = emitted <= verified.accepted
        let accepted = isCut ? max(0, emitted - 1) : verified.accepted
        let drafted = isCut ? accepted : drafts.count
        statistics.drafts.count(accepted: accepted, of: drafted)
        acceptance.update(accepted: accepted, of: drafted)
        // The last token is in no cache yet.
        let kept = pending.count + max(0, emitted - 1)
        committed += kept
        cache.truncate(to: committed)
        pending = Array(verified.tokens.prefix(emitted).suffix(1))
        drafts = []
        if isFinished { pieces += assembler.finish() }
        return kept
    }

    /// Guesses that can still be used after the pending token.
    var usefulDrafts: Int {
        guard !isFinished else { return 0 }
        let ahead = configuration.context - committed - 2
        return max(0, min(request.heads - 1, request.maximumTokens - statistics.tokens.count - 1, ahead))
    }

    /// Takes the text that became certain.
    func takePieces() -> [TextPiece] {
        defer { pieces = [] }
        return pieces
    }

    /// Emits a token, or ends the text at it.
    private func append(_ token: Int32, isDraft: Bool) {
        if token == configuration.endOfText {
            statistics.stopReason = .endOfText
            return
        }
        statistics.tokens.append(token)
        let (text, isStopped) = assembler.push(tokenizer.bytes(of: token), isDraft: isDraft)
        pieces += text
        if isStopped {
            statistics.stopReason = .stopString
        } else if statistics.tokens.count >= request.maximumTokens {
            statistics.stopReason = .maximumTokens
        } else if request.prompt.count + statistics.tokens.count >= configuration.context {
            statistics.stopReason = .contextFull
        }
    }
}
