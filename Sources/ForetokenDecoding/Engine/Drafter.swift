internal import CTorch
import ForetokenModel

/// Proposes tokens; the verification accepts or rejects them, so a drafter can only change the speed.
protocol Drafter: AnyObject {
    /// Takes over z [rows, D] of a sequence's committed positions, in order, each once.
    ///
    /// - Throws: `TorchError.outOfMemory`.
    func advance(_ sequence: DecodingSequence, _ latent: UnsafePointer<Float>, rows: Int) throws

    /// Sets every sequence's `drafts`: guesses of the tokens after its pending one, at most so many.
    ///
    /// - Throws: `TorchError.outOfMemory`.
    func propose(_ sequences: [DecodingSequence], counts: [Int]) throws
}

/// What heads 2, 3, … know of a sequence.
final class DraftState {
    /// Keys and values of each head that is a block.
    let caches: [KeyValueCache?]
    /// Positions that the heads have seen.
    fileprivate(set) var length = 0
    /// z of committed positions that they have not seen.
    fileprivate var waiting: [Float] = []
    private let width: Int

    init(_ model: DecodeModel, heads: Int, maximum: Int, pool: CachePool) {
        width = model.configuration.width
        caches = (1..<max(1, heads)).map { index in
            if case .block = model.heads[index] { return KeyValueCache(layers: 1, maximum: maximum, pool: pool) }
            return nil
        }
    }

    /// What the heads know of the first `length` positions. Without rows waiting for them, as long as one more position is
    /// still to come.
    init(forking other: DraftState, _ length: Int, heads: Int, maximum: Int) throws {
        self.length = min(length, other.length)
        let known = self.length
        caches = try other.caches.prefix(max(0, heads - 1)).map { try $0?.fork(known, maximum: maximum) }
        width = other.width
        if caches.contains(where: { $0 != nil }) {
            waiting = Array(other.waiting.prefix((length - known) * width))
        } else {
            self.length = length
        }
    }
}

/// Heads 2, 3, … of the model itself (paper section 3.2): head i at the last committed position guesses i ahead.
///
/// The heads run after the verification and only on committed positions, so their caches never hold a rejected token. Rows
/// wait until a proposal is wanted; of all waiting rows only the last needs more than keys and values.
final class SelfDrafter: Drafter {
    /// Rows that may wait before they enter the caches: memory for a long prompt is bounded.
    private static let mostWaiting = 256

    private let model: DecodeModel
    private var places: [ct_k_row] = []
    private var latent: [Float] = []
    private let last = FloatBuffer()
    private let logits = FloatBuffer()
    private let scratch = FloatBuffer()

    init(_ model: DecodeModel) { self.model = model }

    func advance(_ sequence: DecodingSequence, _ latent: UnsafePointer<Float>, rows: Int) throws {
        let state = sequence.draftState
        guard rows > 0, !state.caches.isEmpty else { return }
        let width = model.configuration.width
        let rowsWaiting = UnsafeBufferPointer(start: latent, count: rows * width)
        if state.caches.allSatisfy({ $0 == nil }) {
            // Heads without caches need the last position only.
            state.length += state.waiting.count / width + rows - 1
            state.waiting.removeAll(keepingCapacity: true)
            state.waiting += rowsWaiting.suffix(width)
        } else {
            state.waiting += rowsWaiting
            if state.waiting.count >= Self.mostWaiting * width { try runHeads([sequence], depth: 0) }
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
                    let token = sampler.token(
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
        let heads = sequences.first?.draftState.caches.count ?? 0
        let waiting = sequences.map { $0.draftState.waiting.count / width }
        let rows = waiting.reduce(0, +)
        let outputs = depth > 0 ? sequences.count : 0
        // Rows that only enter caches come first.
        let ending = depth > 0 ? 1 : 0
        latent.removeAll(keepingCapacity: true)
        for sequence in sequences { latent += sequence.draftState.waiting.dropLast(ending * width) }
        for sequence in sequences { latent += sequence.draftState.waiting.suffix(ending * width) }
        places.removeAll(keepingCapacity: true)
        for head in 0..<heads {
            var ends: [ct_k_row] = []
            for (sequence, rows) in zip(sequences, waiting) {
                guard let cache = sequence.draftState.caches[head] else { continue }
                try cache.reserve(rows, position: sequence.draftState.length, into: &places)
                ends += places.suffix(ending)
                places.removeLast(ending)
            }
            places += ends
        }
        let last = self.last.reserve(max(1, heads * outputs * width))
        let scores = logits.reserve(max(1, depth * outputs * model.configuration.vocabulary))
        latent.withUnsafeBufferPointer { z in
            places.withUnsafeBufferPointer { places in
                guard let z = z.baseAddress else { return }
                var pass = Pass(model)
                var place = places.baseAddress
                for head in 0..<heads {
                    pass.head(
                        model.heads[head + 1], layer: 0, places: place, rows: rows, outputs: outputs, from: z,
                        to: last + head * outputs * width)
                    if case .block = model.heads[head + 1] { place = place.map { $0 + rows } }
                }
                if depth > 0 { pass.logits(last, rows: depth * outputs, to: scores) }
                pass.run()
            }
        }
        for (sequence, rows) in zip(sequences, waiting) {
            sequence.draftState.length += rows
            sequence.draftState.waiting.removeAll(keepingCapacity: true)
        }
    }
}
