import ForetokenModel

/// Proposes tokens; the verification accepts or rejects them, so a drafter can only change the speed.
protocol Drafter: AnyObject {
    /// Takes over rows [rows, D] of a sequence's committed positions, from `position` on, in order, each once.
    ///
    /// - Parameter sources: those of the model's ``DraftSource``: z, head 1's output, or the outputs of heads 2, 3, ….
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws

    /// Sets every sequence's `drafts`: guesses of the tokens after its pending one, at most so many.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws
}

extension DecodeModel {
    /// The model's own heads as a drafter.
    func makeDrafter(_ pool: CachePool) -> any Drafter {
        configuration.headGraph.joinedTokens > 0 ? StepwiseDrafter(self, pool) : SelfDrafter(self, pool)
    }
}

/// Heads 2, 3, … of the model itself, all at once (paper section 3.2): head i at the last committed position guesses i
/// ahead.
///
/// The heads run after the verification and only on committed positions, so their caches never hold a rejected token. Rows
/// wait until a proposal is wanted; of all waiting rows only the last needs more than keys and values, unless another head
/// reads them. Heads that head 1 reads have run already: their last rows need the unembedding only.
final class SelfDrafter: Drafter {
    /// Rows that may wait before they enter the caches: memory for a long prompt is bounded.
    private static let mostWaiting = 256

    private let model: DecodeModel
    private let pool: CachePool
    private var rowTable: [AttentionMetadata] = []
    private var trunkOutput: [Float] = []
    private let last = FloatBuffer()
    /// Outputs at all rows of heads that others read.
    private let chain: [FloatBuffer]
    private let logits = FloatBuffer()
    private let scratch = FloatBuffer()

    init(_ model: DecodeModel, _ pool: CachePool) {
        self.model = model
        self.pool = pool
        chain = model.draftSource == .headOne ? model.heads.dropFirst().map { _ in FloatBuffer() } : []
    }

    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws {
        let state = sequence.draftState
        guard rows > 0, !state.caches.isEmpty else { return }
        let width = model.configuration.width
        if state.caches.allSatisfy({ $0 == nil }) {
            // Heads without caches need the last position only.
            for (index, source) in sources.prefix(state.waiting.count).enumerated() {
                var row = WaitingRows(width: width)
                row.append(
                    UnsafeBufferPointer(start: source + (rows - 1) * width, count: width), position: position + rows - 1
                )
                state.waiting[index] = row
            }
        } else {
            state.waiting[0].append(UnsafeBufferPointer(start: sources[0], count: rows * width), position: position)
            if state.waiting[0].count >= Self.mostWaiting { try runHeads([sequence], depth: 0) }
        }
    }

    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws {
        // Sequences that use equally many heads go together.
        for (_, group) in Dictionary(grouping: sequences.indices, by: { sequences[$0].draftState.caches.count }) {
            try propose(group.map { sequences[$0] }, group.map { counts[$0] })
        }
    }

    private func propose(_ sequences: [DecodingSequence], _ counts: [Int]) throws {
        let vocabulary = model.configuration.vocabulary
        try runHeads(sequences, depth: counts.max() ?? 0)
        for (index, (sequence, count)) in zip(sequences, counts).enumerated() {
            let sampler = sequence.request.sampler
            var history = sequence.history
            for draft in 0..<count {
                guard
                    let token = try sampler.token(
                        logits.pointer + (draft * sequences.count + index) * vocabulary, count: vocabulary,
                        position: sequence.committed + 1 + draft, history: history, scratch: scratch)
                else { break }
                sequence.drafts.append(token)
                if sampler.readsHistory { history.append(token) }
            }
        }
    }

    /// All heads over the waiting rows, so that no cache has a hole when more drafts are wanted later; logits
    /// [depth, sequences, V] of each sequence's last row. With depth 0 the rows only enter the caches.
    private func runHeads(_ sequences: [DecodingSequence], depth: Int) throws {
        let width = model.configuration.width
        let caches = sequences.first?.draftState.caches ?? []
        // Heads without caches that no other reads are left out beyond the drafts wanted.
        let heads = chain.isEmpty && caches.allSatisfy { $0 == nil } ? min(depth, caches.count) : caches.count
        let outputs = depth > 0 ? sequences.count : 0
        let last = self.last.reserve(max(1, heads * outputs * width))
        var pass = Pass(model, pool)
        if model.draftSource == .nextTokenPath {
            for head in 0..<depth {
                for (index, sequence) in sequences.enumerated() {
                    let row = last + (head * outputs + index) * width
                    for (i, value) in sequence.draftState.waiting[head].rows.enumerated() { row[i] = value }
                }
            }
            return try runLogits(pass, last, depth: depth, outputs: outputs)
        }
        let waiting = sequences.map { $0.draftState.waiting[0].count }
        let rows = waiting.reduce(0, +)
        // Rows that only enter caches come first.
        let ending = depth > 0 ? 1 : 0
        trunkOutput.removeAll(keepingCapacity: true)
        for sequence in sequences { trunkOutput += sequence.draftState.waiting[0].rows.dropLast(ending * width) }
        for sequence in sequences { trunkOutput += sequence.draftState.waiting[0].rows.suffix(ending * width) }
        rowTable.removeAll(keepingCapacity: true)
        for head in 0..<heads {
            var ends: [AttentionMetadata] = []
            for (sequence, rows) in zip(sequences, waiting) {
                guard let cache = sequence.draftState.caches[head] else { continue }
                try cache.reserve(rows, position: sequence.draftState.waiting[0].position, into: &rowTable)
                ends += rowTable.suffix(ending)
                rowTable.removeLast(ending)
            }
            rowTable += ends
        }
        let chained = chain.prefix(max(0, heads - 1)).map { $0.reserve(max(1, rows * width)) }
        try trunkOutput.withUnsafeBufferPointer { z in
            try rowTable.withUnsafeBufferPointer { rowTable in
                guard let z = z.baseAddress else { return }
                var place = rowTable.baseAddress
                for head in 0..<heads {
                    // In a chain every head but the last is read, at all rows.
                    let isRead = head < chained.count
                    pass.head(
                        head + 2, layer: 0, rowTable: place, rows: rows, outputs: isRead ? rows : outputs,
                        from: head > 0 && !chain.isEmpty ? UnsafePointer(chained[head - 1]) : z,
                        to: isRead ? chained[head] : last + head * outputs * width)
                    if model.heads[head + 1].body == .block { place = place.map { $0 + rows } }
                }
                if !chained.isEmpty {
                    try pass.run()
                    pass = Pass(model, pool)
                    for (head, output) in chained.enumerated() {
                        (last + head * outputs * width).update(
                            from: output + (rows - outputs) * width, count: outputs * width)
                    }
                }
                try runLogits(pass, last, depth: depth, outputs: outputs)
            }
        }
        for (sequence, rows) in zip(sequences, waiting) { sequence.draftState.waiting[0].removeFirst(rows) }
    }

    /// Ends a pass with the logits of the first `depth` heads, one GEMM where they share the unembedding.
    private func runLogits(_ pass: Pass, _ last: UnsafeMutablePointer<Float>, depth: Int, outputs: Int) throws {
        var pass = pass
        let size = outputs * model.configuration.vocabulary
        let scores = logits.reserve(max(1, depth * size))
        if model.configuration.unembedding == .shared {
            if depth > 0 { pass.logits(last, rows: depth * outputs, to: scores) }
        } else {
            for head in 0..<depth {
                pass.logits(
                    last + head * outputs * model.configuration.width, head: head + 2, rows: outputs,
                    to: scores + head * size)
            }
        }
        try pass.run()
    }
}
