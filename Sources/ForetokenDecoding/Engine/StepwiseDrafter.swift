import ForetokenModel

/// Drafts with heads that run one after another, each reading the draft before it (DeepSeek-V3's form).
///
/// Head i at position t reads head i − 1 there and the token t + i − 1. So a position of head i is final once that token is
/// committed; the last i − 2 positions depend on drafts: every proposal runs them again and then truncates the head's cache.
final class StepwiseDrafter: Drafter {
    /// Maximum number of waiting rows, which bounds the memory of a long prompt.
    private static let maximumWaitingRows = 256

    private let model: DecodeModel
    private let allocator: BlockAllocator
    private let embedded = FloatBuffer()
    private let joined = FloatBuffer()
    private let input = FloatBuffer()
    private let output = FloatBuffer()
    private let last = FloatBuffer()
    private let logits = FloatBuffer()
    private let scratch = FloatBuffer()

    init(_ model: DecodeModel, _ allocator: BlockAllocator) { (self.model, self.allocator) = (model, allocator) }

    func advance(
        _ sequence: DecodingSequence, _ sources: [UnsafeMutablePointer<Float>], rows: Int, position: Int
    ) throws {
        let state = sequence.draftState
        guard rows > 0, !state.caches.isEmpty else { return }
        state.waiting[0].append(
            UnsafeBufferPointer(start: sources[0], count: rows * model.configuration.width), position: position)
        if state.waiting[0].count >= Self.maximumWaitingRows { try run([sequence], counts: [0]) }
    }

    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws { try run(sequences, counts: counts) }

    /// The rows of one sequence in a head's pass.
    private struct Part {
        let index: Int
        /// The position of the first row.
        let position: Int
        /// Number of final rows, which depend on committed tokens only.
        let final: Int
        /// Number of all rows.
        let total: Int
    }

    /// Runs every head over its final rows and, while it drafts, also over the rows that depend on drafts.
    private func run(_ sequences: [DecodingSequence], counts: [Int]) throws {
        let width = model.configuration.width
        var counts = counts
        var histories = sequences.map(\.history)
        // Outputs of the previous head that depend on drafts.
        var draftRows = [[Float]](repeating: [], count: sequences.count)
        for head in 2...model.configuration.heads {
            var (parts, rowTable, hidden, tokens): ([Part], [AttentionMetadata], [Float], [Int32]) = ([], [], [], [])
            for (index, sequence) in sequences.enumerated() where sequence.draftState.caches.count > head - 2 {
                let rows = sequence.draftState.waiting[head - 2]
                let known = sequence.knownTokens
                let final = max(0, min(rows.count, known - head + 1 - rows.position))
                let isDrafting = counts[index] > head - 2
                let total = isDrafting ? rows.count + draftRows[index].count / width : final
                guard total > 0, let cache = sequence.draftState.caches[head - 2] else { continue }
                parts.append(Part(index: index, position: rows.position, final: final, total: total))
                try cache.reserve(total, position: rows.position, into: &rowTable)
                hidden += (isDrafting ? rows.rows + draftRows[index] : rows.rows).prefix(total * width)
                for position in rows.position + head - 1..<(rows.position + head - 1 + total) {
                    tokens.append(position < known ? sequence.token(at: position) : sequence.drafts[position - known])
                }
            }
            guard !parts.isEmpty else { continue }
            try runHead(head, hidden, tokens, rowTable)
            var row = 0
            for part in parts {
                let state = sequences[part.index].draftState
                let outputs = UnsafeBufferPointer(start: output.pointer + row * width, count: part.total * width)
                row += part.total
                if head - 1 < state.waiting.count {
                    state.waiting[head - 1].append(outputs.prefix(part.final * width), position: part.position)
                }
                draftRows[part.index] = Array(outputs.dropFirst(part.final * width))
                state.waiting[head - 2].removeFirst(part.final)
                if let cache = state.caches[head - 2] { cache.truncate(to: cache.count - part.total + part.final) }
            }
            try draft(sequences, parts, head: head, counts: &counts, &histories)
        }
    }

    /// Runs a head over its joined rows; the outputs of all rows are written to `output`.
    private func runHead(
        _ head: Int, _ hidden: [Float], _ tokens: [Int32], _ rowTable: [AttentionMetadata]
    ) throws {
        let (rows, width) = (tokens.count, model.configuration.width)
        model.backend.embed(tokens, into: embedded.reserve(rows * width))
        let joined = joined.reserve(rows * 2 * width)
        let x = input.reserve(rows * width)
        let y = output.reserve(rows * width)
        try hidden.withUnsafeBufferPointer { hidden in
            try rowTable.withUnsafeBufferPointer { rowTable in
                guard let hidden = hidden.baseAddress else { return }
                model.joined(head: head, hidden, embedded.pointer, rows: rows, into: joined)
                var pass = Pass(model, allocator)
                pass.gemm(.projection(head), rows: rows, from: joined, to: x)
                pass.head(head, layer: 0, rowTable: rowTable.baseAddress, rows: rows, outputs: rows, from: x, to: y)
                try pass.run()
            }
        }
    }

    /// Draws the head's draft for every sequence whose draft count includes it, from the sequence's last row.
    private func draft(
        _ sequences: [DecodingSequence], _ parts: [Part], head: Int, counts: inout [Int],
        _ histories: inout [TokenHistory]
    ) throws {
        let (width, vocabulary) = (model.configuration.width, model.configuration.vocabulary)
        let drafting = parts.filter { counts[$0.index] > head - 2 }
        guard !drafting.isEmpty else { return }
        let last = last.reserve(drafting.count * width)
        var (end, row) = (0, 0)
        for part in parts {
            end += part.total
            guard counts[part.index] > head - 2 else { continue }
            (last + row * width).update(from: output.pointer + (end - 1) * width, count: width)
            row += 1
        }
        let scores = logits.reserve(drafting.count * vocabulary)
        var pass = Pass(model, allocator)
        pass.logits(last, head: head, rows: drafting.count, to: scores)
        try pass.run()
        for (row, part) in drafting.enumerated() {
            let sequence = sequences[part.index]
            let sampler = sequence.request.sampler
            guard
                let token = try sampler.token(
                    scores + row * vocabulary, count: vocabulary, position: sequence.committed + head - 1,
                    history: histories[part.index], scratch: scratch)
            else {
                counts[part.index] = 0
                continue
            }
            sequence.drafts.append(token)
            if sampler.readsHistory { histories[part.index].append(token) }
        }
    }
}
