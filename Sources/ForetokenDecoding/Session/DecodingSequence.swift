import ForetokenModel
import ForetokenText

/// One request being decoded: its tokens, caches and text. ``DecodeEngine`` advances it, alone or in a batch.
///
/// The other heads draft and head 1 verifies (blockwise parallel decoding, arXiv 1811.03115): one pass over [last token,
/// drafts…] gives head 1's token at every position, and drafts are accepted as long as they equal it. Every emitted token is
/// chosen from head 1's logits, which depend only on the tokens before it, so the text is that of next-token decoding.
final class DecodingSequence {
    let request: GenerationRequest
    var statistics = GenerationStatistics()
    /// Final text that has not been taken yet.
    private var pieces: [TextPiece] = []

    /// Keys and values of the trunk and the next-token path.
    let cache: KeyValueCache
    /// Number of committed positions, whose keys and values are in the cache.
    private(set) var committed = 0
    /// Known tokens that are not in the cache yet; at first the prompt.
    private(set) var pending: [Int32]
    /// Proposed tokens after the pending ones.
    var drafts: [Int32] = []
    /// The drafting heads' caches and waiting rows.
    let draftState: DraftState
    /// Estimated acceptance of its drafts, for the choice of the draft length.
    let acceptance: AcceptanceModel
    private(set) var history: TokenHistory
    /// The scores of the prompt's tokens from its second, if the request asks for them.
    private(set) var promptScores: [TokenScores] = []

    private let configuration: ModelConfiguration
    private let tokenizer: any Tokenizer
    private var assembler: TextAssembler
    /// The token at which the text ended, with its scores if these are asked for.
    private var endPiece: TextPiece?

    /// - Throws: ``DecodingError`` for an invalid request.
    init(_ model: DecodeModel, _ request: GenerationRequest, tokenizer: any Tokenizer, allocator: BlockAllocator) throws
    {
        try request.validate(for: model)
        self.request = request
        self.tokenizer = tokenizer
        configuration = model.configuration
        let maximum = request.maximumSlots(contextLength: configuration.contextLength)
        cache = KeyValueCache(layers: model.nextTokenBlocks, maximum: maximum, allocator: allocator)
        draftState = DraftState(model, heads: request.heads, maximum: maximum, allocator: allocator)
        acceptance = AcceptanceModel(length: request.heads - 1)
        assembler = TextAssembler(stopStrings: request.stopStrings)
        pending = request.prompt
        history = TokenHistory(prompt: request.sampler.readsHistory ? request.prompt : [])
        statistics.drafts = DraftCounts(positions: request.heads - 1)
    }

    /// Forks a sequence for a request whose prompt begins with the first `length` committed tokens of another one; full cache
    /// pages are shared.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    init(
        _ model: DecodeModel, forking other: DecodingSequence, _ request: GenerationRequest, length: Int
    ) throws {
        self.request = request
        tokenizer = other.tokenizer
        configuration = other.configuration
        let maximum = request.maximumSlots(contextLength: configuration.contextLength)
        cache = try other.cache.fork(length, maximum: maximum)
        draftState = try DraftState(
            model, forking: other.draftState, length, heads: request.heads, maximum: maximum)
        acceptance = AcceptanceModel(length: request.heads - 1)
        committed = length
        if request.scoresPrompt { promptScores = other.promptScores }
        statistics.reusedPromptTokens = length
        pending = Array(request.prompt.dropFirst(length))
        assembler = TextAssembler(stopStrings: request.stopStrings)
        history = TokenHistory(prompt: request.sampler.readsHistory ? request.prompt : [])
        statistics.drafts = DraftCounts(positions: request.heads - 1)
    }

    /// The error that ended it, if any.
    var failure: (any Error)?
    /// Whether the prompt's last token must wait until the group's other completions can fork.
    var waitsToFork = false
    var isReadyToFork: Bool { waitsToFork && pending.count == 1 && isPrefilling }
    var isFinished: Bool { statistics.stopReason != nil || failure != nil }
    var isPrefilling: Bool { statistics.forwards == 0 }

    /// Number of tokens of the prompt and the generated text.
    var knownTokens: Int { request.prompt.count + statistics.tokens.count }

    /// The token at a position below ``knownTokens``.
    func token(at position: Int) -> Int32 {
        position < request.prompt.count
            ? request.prompt[position] : statistics.tokens[position - request.prompt.count]
    }

    /// The tokens of the next pass: all pending tokens and the drafts, or a chunk of a long prompt. Of their rows, the last
    /// `choosing` choose tokens, and the `scored` before them need logits too.
    func nextTokens(atMost limit: Int) -> (tokens: [Int32], scored: Int, choosing: Int) {
        let scores = request.scoresPrompt && isPrefilling
        if waitsToFork || pending.count > limit {
            let chunk = pending.prefix(min(limit, waitsToFork ? pending.count - 1 : limit))
            return (Array(chunk), scores ? chunk.count : 0, 0)
        }
        return (pending + drafts, scores ? pending.count - 1 : 0, 1 + drafts.count)
    }

    /// Commits a chunk of the prompt.
    func commitPrompt(_ count: Int) {
        pending.removeFirst(count)
        committed += count
    }

    /// Scores the prompt's tokens after those already scored, each by the logits of the row before it.
    ///
    /// - Parameter logits: head 1's [`rows`, V].
    func scorePrompt(_ logits: UnsafePointer<Float>, rows: Int) {
        let vocabulary = configuration.vocabulary
        for row in 0..<rows where failure == nil {
            let position = promptScores.count + 1
            let scores = TokenScores(
                token: request.prompt[position],
                logits: UnsafeBufferPointer(start: logits + row * vocabulary, count: vocabulary),
                top: request.logProbabilities ?? 0)
            if !scores.logProbability.isFinite { failure = DecodingError.notFinite(position: position) }
            promptScores.append(scores)
        }
    }

    /// Verifies the drafts of a pass and commits the accepted tokens, up to the end of the text; later rows have no effect.
    ///
    /// NaN logits in a row that next-token decoding would also compute set ``failure``.
    ///
    /// - Parameter logits: head 1's [1 + drafts, V], from the last pending token on.
    /// - Returns: the number of tokens of the pass that are committed, from its first.
    func accept(_ logits: UnsafePointer<Float>, scratch: FloatBuffer) -> Int {
        if request.maximumTokens == 0 { return endWithPrompt() }
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
            let scores = request.logProbabilities.map {
                TokenScores(
                    token: token,
                    logits: UnsafeBufferPointer(start: logits + index * vocabulary, count: vocabulary), top: $0)
            }
            let isDraft = index < verified.accepted && !isPrompt
            append(TextPiece(token: token, draftPosition: isDraft ? index + 1 : 0, scores: scores), token)
            if request.sampler.readsHistory { history.append(token) }
            emitted += 1
        }
        if emitted > 0 { statistics.forwards += 1 }
        if verified.hasInvalidLogits, !isFinished {
            failure = DecodingError.notFinite(position: first + verified.tokens.count)
        }
        // If the text ended inside the block, the drafts after its end are not counted.
        let isTruncated = emitted <= verified.accepted
        let accepted = isTruncated ? max(0, emitted - 1) : verified.accepted
        let drafted = isTruncated ? accepted : drafts.count
        statistics.drafts.count(accepted: accepted, of: drafted)
        acceptance.update(accepted: accepted, of: drafted)
        // The last token is not in the cache yet.
        let newlyCommitted = pending.count + max(0, emitted - 1)
        committed += newlyCommitted
        cache.truncate(to: committed)
        pending = Array(verified.tokens.prefix(emitted).suffix(1))
        drafts = []
        if isFinished { pieces += assembler.finish() + [endPiece].compactMap(\.self) }
        return newlyCommitted
    }

    /// Ends a request for no tokens once its prompt is in the cache.
    private func endWithPrompt() -> Int {
        defer { pending = [] }
        committed += pending.count
        statistics.stopReason = .maximumTokens
        return pending.count
    }

    /// Maximum number of drafts after the pending token, by the request's and the model's limits.
    var usefulDrafts: Int {
        guard !isFinished else { return 0 }
        let ahead = configuration.contextLength - committed - 2
        return max(0, min(request.heads - 1, request.maximumTokens - statistics.tokens.count - 1, ahead))
    }

    /// Removes and returns the final text.
    func takePieces() -> [TextPiece] {
        defer { pieces = [] }
        return pieces
    }

    /// Emits a token, or ends the text at it.
    private func append(_ piece: TextPiece, _ token: Int32) {
        let isEnd = configuration.isEnd(token)
        guard !isEnd, !request.stopTokens.contains(token) else {
            statistics.stopReason = isEnd ? .endOfText : .stopString
            statistics.endToken = token
            if let scores = piece.scores { endPiece = TextPiece(token: token, scores: scores) }
            return
        }
        statistics.tokens.append(token)
        let (text, stop) = assembler.push(tokenizer.bytes(of: token), piece)
        pieces += text
        if let stop {
            statistics.stopReason = .stopString
            statistics.stopString = stop
        } else if statistics.tokens.count >= request.maximumTokens {
            statistics.stopReason = .maximumTokens
        } else if request.prompt.count + statistics.tokens.count >= configuration.contextLength {
            statistics.stopReason = .contextFull
        }
    }
}
