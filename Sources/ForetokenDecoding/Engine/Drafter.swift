import ForetokenModel

/// Proposes tokens. Verification accepts or rejects them, so a drafter affects only the speed.
protocol Drafter: AnyObject {
    /// Receives the rows [rows, D] of a sequence's newly committed positions from `position` on; each position once, in order.
    ///
    /// - Parameter sources: as the model's ``DraftSource`` says: z, head 1's output, or the outputs of heads 2, 3, ….
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws

    /// Sets every sequence's `drafts`: at most `counts[i]` proposals for the tokens after sequence i's pending one.
    ///
    /// - Throws: ``DecodingError/outOfMemory(_:)``.
    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws
}

extension DecodeModel {
    /// The model's own heads as a drafter.
    func makeDrafter(_ allocator: BlockAllocator) -> any Drafter {
        configuration.headGraph.joinedTokens > 0 ? StepwiseDrafter(self, allocator) : SelfDrafter(self, allocator)
    }
}

/// Drafts with heads 2, 3, … of the model itself, all at once (paper section 3.2): head i at the last committed position
/// predicts i tokens ahead.
///
/// The heads run after verification and only on committed positions, so their caches never hold a rejected token. Rows wait
/// until drafts are needed. All waiting rows but the last are cache-only, unless another head reads them. Heads on the
/// next-token path have run already: their last rows need only the unembedding.
final class SelfDrafter: Drafter {
    /// Maximum number of waiting rows, which bounds the memory of a long prompt.
    private static let maximumWaitingRows = 256

    private let model: DecodeModel
    private let allocator: BlockAllocator
    private var rowTable: [AttentionMetadata] = []
    private var trunkOutput: [Float] = []
    private let last = FloatBuffer()
    /// Outputs, at all rows, of heads that other heads read.
    private let chain: [FloatBuffer]
    private let logits = FloatBuffer()
    private let scratch = FloatBuffer()

    init(_ model: DecodeModel, _ allocator: BlockAllocator) {
        self.model = model
        self.allocator = allocator
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
            if state.waiting[0].count >= Self.maximumWaitingRows { try runHeads([sequence], depth: 0) }
        }
    }

    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws {
        // Sequences with the same number of heads are batched.
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

    /// Runs all heads over the waiting rows, so that no cache has a hole when a later proposal is longer, and computes the
    /// logits [depth, sequences, V] of each sequence's last row. With depth 0 all rows are cache-only.
    private func runHeads(_ sequences: [DecodingSequence], depth: Int) throws {
        let width = model.configuration.width
        let caches = sequences.first?.draftState.caches ?? []
        // Heads that have no cache and that no other head reads are skipped beyond the draft length.
        let heads = chain.isEmpty && caches.allSatisfy { $0 == nil } ? min(depth, caches.count) : caches.count
        let outputs = depth > 0 ? sequences.count : 0
        let last = self.last.reserve(max(1, heads * outputs * width))
        var pass = Pass(model, allocator)
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
        // Cache-only rows come first.
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
                var headTable = rowTable.baseAddress
                for head in 0..<heads {
                    // In a chain the next head reads every head but the last, at all rows.
                    let isRead = head < chained.count
                    pass.head(
                        head + 2, layer: 0, rowTable: headTable, rows: rows, outputs: isRead ? rows : outputs,
                        from: head > 0 && !chain.isEmpty ? UnsafePointer(chained[head - 1]) : z,
                        to: isRead ? chained[head] : last + head * outputs * width)
                    if model.heads[head + 1].body == .block { headTable = headTable.map { $0 + rows } }
                }
                if !chained.isEmpty {
                    try pass.run()
                    pass = Pass(model, allocator)
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

    /// Appends the logits of the first `depth` drafting heads to a pass, one GEMM if they share norm and unembedding, and runs it.
    private func runLogits(_ pass: Pass, _ last: UnsafeMutablePointer<Float>, depth: Int, outputs: Int) throws {
        var pass = pass
        let size = outputs * model.configuration.vocabulary
        let scores = logits.reserve(max(1, depth * size))
        if model.configuration.sharesLogits {
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
