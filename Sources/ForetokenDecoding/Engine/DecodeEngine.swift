import ForetokenModel

/// Advances a batch of sequences by one forward pass per step.
///
/// A pass holds rows of several sequences; each row reads its own sequence's cache, and no row's result depends on the others.
final class DecodeEngine {
    /// Maximum number of prompt rows in one pass: long prompts are prefilled in chunks, so that they do not delay the other
    /// sequences.
    static let promptRows = 64
    /// Prompt rows of a pass that several sequences share, even if they take long.
    private static let fewestPromptRows = 8
    /// Seconds that the prompt rows of such a pass should take at most.
    private static let sharedPromptSeconds = 0.1

    let model: DecodeModel
    let allocator: BlockAllocator
    private let drafter: any Drafter
    private let policy: DraftLengthPolicy
    private var rowTable: [AttentionMetadata] = []
    private let hidden = FloatBuffer()
    private let trunkOutput = FloatBuffer()
    /// Outputs of the heads on the next-token path before head 1, head 2 first.
    private let headOutputs: [FloatBuffer]
    private let logits = FloatBuffer()
    private let scratch = FloatBuffer()
    /// Seconds of a prompt's row in recent passes; 0 before the first.
    private var secondsPerPromptRow = 0.0

    /// - Parameter drafter: the model's own heads if nil; tests pass drafters that are always, never or sometimes right.
    init(_ model: DecodeModel, allocator: BlockAllocator? = nil, drafter: (any Drafter)? = nil) {
        let allocator = allocator ?? BlockAllocator(model)
        self.model = model
        self.allocator = allocator
        self.drafter = drafter ?? model.makeDrafter(allocator)
        policy = DraftLengthPolicy(isStepwise: model.configuration.headGraph.joinedTokens > 0)
        headOutputs = model.nextTokenPath.dropLast().map { _ in FloatBuffer() }
    }

    /// The rows of one sequence in a pass: cache-only rows, which need no logits, then rows that score the prompt, then rows that
    /// choose tokens.
    private struct Part {
        let sequence: DecodingSequence
        let tokens: [Int32]
        let scored: Int
        let choosing: Int
        var outputs: Int { scored + choosing }
        var cacheOnly: Int { tokens.count - outputs }
    }

    /// Runs one pass over the next tokens of every sequence, then drafts for the next pass.
    ///
    /// A sequence with NaN logits gets its `failure` set; the others are not affected.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``, which leaves the sequences unusable.
    func step(_ sequences: [DecodingSequence]) throws {
        let clock = ContinuousClock()
        let begin = clock.now
        var promptRows = promptRows(sharedBy: sequences.count)
        let parts = sequences.compactMap { sequence -> Part? in
            let limit = sequence.isPrefilling ? promptRows : sequence.pending.count
            guard limit > 0, !sequence.isFinished else { return nil }
            let (tokens, scored, choosing) = sequence.nextTokens(atMost: limit)
            if sequence.isPrefilling { promptRows -= min(promptRows, tokens.count) }
            return Part(sequence: sequence, tokens: tokens, scored: scored, choosing: choosing)
        }
        guard !parts.isEmpty else { return }
        let isPrompt = parts.map(\.sequence.isPrefilling)
        try pass(parts)
        try choose(parts)
        let passed = clock.now
        let drafting = try draft(parts.map(\.sequence))
        let end = clock.now
        if !isPrompt.contains(true) {
            policy.recordPass(
                tokens: parts.reduce(0) { $0 + $1.tokens.count }, seconds: (passed - begin).inSeconds)
            policy.recordDrafting(drafting, seconds: (end - passed).inSeconds)
        }
        record(promptRows: zip(parts, isPrompt).reduce(0) { $0 + ($1.1 ? $1.0.tokens.count : 0) }, passed - begin)
        for (part, isPrompt) in zip(parts, isPrompt) {
            let seconds = (end - begin).inSeconds
            if isPrompt {
                part.sequence.statistics.prefillSeconds += seconds
            } else {
                part.sequence.statistics.decodeSeconds += seconds
            }
        }
    }

    /// The prompt rows of the next pass: fewer where long ones would keep other sequences waiting.
    private func promptRows(sharedBy sequences: Int) -> Int {
        guard sequences > 1, secondsPerPromptRow > 0 else { return Self.promptRows }
        let rows = Self.sharedPromptSeconds / secondsPerPromptRow
        return rows >= Double(Self.promptRows) ? Self.promptRows : max(Self.fewestPromptRows, Int(rows))
    }

    private func record(promptRows rows: Int, _ duration: Duration) {
        guard rows >= Self.fewestPromptRows else { return }
        let seconds = duration.inSeconds / Double(rows)
        secondsPerPromptRow = secondsPerPromptRow > 0 ? (secondsPerPromptRow + seconds) / 2 : seconds
    }

    /// Runs trunk, head 1 and unembedding. Cache-only rows come first, since a pass returns the outputs of its last rows.
    private func pass(_ parts: [Part]) throws {
        rowTable.removeAll(keepingCapacity: true)
        var ends: [AttentionMetadata] = []
        for part in parts {
            try part.sequence.cache.reserve(part.tokens.count, position: part.sequence.committed, into: &rowTable)
            ends += rowTable.suffix(part.outputs)
            rowTable.removeLast(part.outputs)
        }
        rowTable += ends
        let tokens = parts.flatMap { $0.tokens.prefix($0.cacheOnly) } + parts.flatMap { $0.tokens.suffix($0.outputs) }
        let (rows, outputs, width) = (tokens.count, ends.count, model.configuration.width)
        let x = hidden.reserve(rows * width)
        let z = trunkOutput.reserve(rows * width)
        let outputsOfHeads = headOutputs.map { $0.reserve(rows * width) }
        // Heads that read head 1 need its output at every position.
        let drafts = model.draftSource == .headOne && parts.contains { $0.sequence.request.heads > 1 }
        let headOneOutputs = drafts ? rows : outputs
        let scores = logits.reserve(outputs * model.configuration.vocabulary)
        model.backend.embed(tokens, into: x)
        try rowTable.withUnsafeBufferPointer { rowTable in
            var pass = Pass(model, allocator)
            pass.trunk(rowTable: rowTable.baseAddress, rows: rows, from: x, to: z)
            pass.nextToken(
                rowTable: rowTable.baseAddress, rows: rows, outputs: headOneOutputs, from: z,
                headOutputs: outputsOfHeads, to: x)
            if outputs > 0 { pass.logits(x + (headOneOutputs - outputs) * width, rows: outputs, to: scores) }
            try pass.run()
        }
    }

    /// Chooses every sequence's tokens from its logits, and passes the rows of committed positions to the drafter.
    private func choose(_ parts: [Part]) throws {
        let width = model.configuration.width
        let sources =
            switch model.draftSource {
            case .trunkOutput: [trunkOutput.pointer]
            case .headOne: [hidden.pointer]
            case .nextTokenPath: headOutputs.map(\.pointer)
            }
        func advance(_ sequence: DecodingSequence, from row: Int, rows: Int, position: Int) throws {
            try drafter.advance(sequence, sources.map { $0 + row * width }, rows: rows, position: position)
        }
        var cacheOnly = 0
        var output = 0
        let outputsStart = parts.reduce(0) { $0 + $1.cacheOnly }
        for part in parts {
            let sequence = part.sequence
            defer { (cacheOnly, output) = (cacheOnly + part.cacheOnly, output + part.outputs) }
            let start = sequence.committed
            try advance(sequence, from: cacheOnly, rows: part.cacheOnly, position: start)
            let rows = logits.pointer + output * model.configuration.vocabulary
            sequence.scorePrompt(rows, rows: part.scored)
            if sequence.failure != nil { continue }
            let committed: Int
            if part.choosing > 0 {
                committed = sequence.accept(rows + part.scored * model.configuration.vocabulary, scratch: scratch)
            } else {
                committed = part.tokens.count
                sequence.commitPrompt(committed)
            }
            if sequence.failure != nil { continue }
            try advance(
                sequence, from: outputsStart + output, rows: committed - part.cacheOnly,
                position: start + part.cacheOnly)
        }
    }

    /// Drafts for all sequences that can use drafts.
    ///
    /// - Returns: the draft count of each of these sequences; empty if the elapsed time is not that of drafting alone.
    private func draft(_ sequences: [DecodingSequence]) throws -> [Int] {
        let ready = sequences.filter { !$0.isFinished && !$0.isPrefilling }
        let counts = policy.draftCounts(
            for: ready.map {
                DraftLengthPolicy.Sequence(
                    acceptance: $0.acceptance, limit: $0.usefulDrafts, isAdaptive: $0.request.isAdaptive)
            })
        let chosen = zip(ready, counts).filter { $1 > 0 }
        guard !chosen.isEmpty else { return [] }
        // Heads that skipped passes catch up on the waiting rows now, a one-time cost that must not count as drafting.
        let isCatchingUp = chosen.contains { $0.0.draftState.waitingRows > model.configuration.heads }
        try drafter.propose(chosen.map(\.0), counts: chosen.map(\.1))
        return isCatchingUp ? [] : counts
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
