import ForetokenModel

/// Advances sequences, all of them by one forward pass a step.
///
/// A pass holds rows of several sequences; each row finds its own cache, and no row's result depends on the others.
final class DecodeEngine {
    /// Rows of prompts in one pass: long prompts go in parts, so that they do not hold up the other sequences.
    static let promptRows = 64

    let model: DecodeModel
    let pool: CachePool
    private let drafter: any Drafter
    private let planner: DepthPlanner
    private var rowTable: [AttentionMetadata] = []
    private let hidden = FloatBuffer()
    private let trunkOutput = FloatBuffer()
    /// Outputs of the heads before head 1, head 2 first.
    private let headOutputs: [FloatBuffer]
    private let logits = FloatBuffer()
    private let scratch = FloatBuffer()

    /// - Parameter drafter: the model's own heads if nil; tests draft always right, never right and sometimes right.
    init(_ model: DecodeModel, pool: CachePool? = nil, drafter: (any Drafter)? = nil) {
        let pool = pool ?? CachePool(model)
        self.model = model
        self.pool = pool
        self.drafter = drafter ?? model.makeDrafter(pool)
        planner = DepthPlanner(isStepwise: model.configuration.headGraph.joinedTokens > 0)
        headOutputs = model.nextTokenPath.dropLast().map { _ in FloatBuffer() }
    }

    /// A sequence's share of a pass.
    private struct Part {
        let sequence: DecodingSequence
        let tokens: [Int32]
        let outputs: Int
        var silent: Int { tokens.count - outputs }
    }

    /// One pass over the next tokens of every sequence, then drafts for the next one.
    ///
    /// A sequence whose logits are not numbers gets its `failure` set and does not harm the others.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``; the sequences are of no use then.
    func step(_ sequences: [DecodingSequence]) throws {
        let clock = ContinuousClock()
        let begin = clock.now
        var promptRows = Self.promptRows
        let parts = sequences.compactMap { sequence -> Part? in
            let limit = sequence.isPrefilling ? promptRows : sequence.pending.count
            guard limit > 0, !sequence.isFinished else { return nil }
            let (tokens, outputs) = sequence.nextTokens(atMost: limit)
            if sequence.isPrefilling { promptRows -= min(promptRows, tokens.count) }
            return Part(sequence: sequence, tokens: tokens, outputs: outputs)
        }
        guard !parts.isEmpty else { return }
        let isPrompt = parts.map(\.sequence.isPrefilling)
        try pass(parts)
        try choose(parts)
        let passed = clock.now
        let drafting = try draft(parts.map(\.sequence))
        let end = clock.now
        if !isPrompt.contains(true) {
            planner.learn(rows: parts.reduce(0) { $0 + $1.tokens.count }, seconds: (passed - begin).inSeconds)
            if drafting > 0 { planner.learn(drafting: drafting, seconds: (end - passed).inSeconds) }
        }
        for (part, isPrompt) in zip(parts, isPrompt) {
            let seconds = (end - begin).inSeconds
            if isPrompt {
                part.sequence.statistics.prefillSeconds += seconds
            } else {
                part.sequence.statistics.decodeSeconds += seconds
            }
        }
    }

    /// Trunk, head 1 and logits. Rows that need no logits come first, since a pass gives those of its last rows.
    private func pass(_ parts: [Part]) throws {
        rowTable.removeAll(keepingCapacity: true)
        var ends: [AttentionMetadata] = []
        for part in parts {
            try part.sequence.cache.reserve(part.tokens.count, position: part.sequence.committed, into: &rowTable)
            ends += rowTable.suffix(part.outputs)
            rowTable.removeLast(part.outputs)
        }
        rowTable += ends
        let tokens = parts.flatMap { $0.tokens.prefix($0.silent) } + parts.flatMap { $0.tokens.suffix($0.outputs) }
        let (rows, outputs, width) = (tokens.count, ends.count, model.configuration.width)
        let x = hidden.reserve(rows * width)
        let z = trunkOutput.reserve(rows * width)
        let outputsOfHeads = headOutputs.map { $0.reserve(rows * width) }
        // Heads that read head 1 need it at every position.
        let drafts = model.draftSource == .headOne && parts.contains { $0.sequence.request.heads > 1 }
        let kept = drafts ? rows : outputs
        let scores = logits.reserve(outputs * model.configuration.vocabulary)
        model.backend.embed(tokens, into: x)
        try rowTable.withUnsafeBufferPointer { rowTable in
            var pass = Pass(model, pool)
            pass.trunk(rowTable: rowTable.baseAddress, rows: rows, from: x, to: z)
            pass.nextToken(
                rowTable: rowTable.baseAddress, rows: rows, outputs: kept, from: z, headOutputs: outputsOfHeads, to: x)
            if outputs > 0 { pass.logits(x + (kept - outputs) * width, rows: outputs, to: scores) }
            try pass.run()
        }
    }

    /// Every sequence's tokens from its logits, and the rows of what stays to the drafter.
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
        var silent = 0
        var output = 0
        let outputsStart = parts.reduce(0) { $0 + $1.silent }
        for part in parts {
            let sequence = part.sequence
            defer { (silent, output) = (silent + part.silent, output + part.outputs) }
            let start = sequence.committed
            try advance(sequence, from: silent, rows: part.silent, position: start)
            guard part.outputs > 0 else {
                sequence.commitPrompt(part.silent)
                continue
            }
            let kept = sequence.accept(logits.pointer + output * model.configuration.vocabulary, scratch: scratch)
            if sequence.failure != nil { continue }
            try advance(
                sequence, from: outputsStart + output, rows: kept - part.silent, position: start + part.silent)
        }
    }

    /// Drafts for all sequences that can use some.
    ///
    /// - Returns: for how many sequences or, stepwise, how many drafts; 0 if the time says nothing of that.
    private func draft(_ sequences: [DecodingSequence]) throws -> Int {
        let ready = sequences.filter { !$0.isFinished && !$0.isPrefilling }
        let counts = planner.plan(ready)
        let chosen = zip(ready, counts).filter { $1 > 0 }
        guard !chosen.isEmpty else { return 0 }
        // Rows of passes without drafts are caught up on now, which the next drafts will not cost.
        let isCatchingUp = chosen.contains { $0.0.draftState.waitingRows > model.configuration.heads }
        try drafter.propose(chosen.map(\.0), counts: chosen.map(\.1))
        if isCatchingUp { return 0 }
        return planner.isStepwise ? chosen.reduce(0) { $0 + $1.1 } : chosen.count
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
