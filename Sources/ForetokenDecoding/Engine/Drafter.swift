import ForetokenModel

/// Proposes tokens; the verifier accepts or rejects them, so a drafter can only change the speed.
protocol Drafter: AnyObject {
    /// Takes over z [rows, D] of committed positions, in order, each once.
    func advance(_ latent: UnsafePointer<Float>, rows: Int)

    /// Guesses of the tokens at positions `position`, `position + 1`, …; at most `count`.
    func propose(_ count: Int, position: Int, sampler: Sampler) -> [Int32]
}

/// Heads 2, 3, … of the model itself (paper section 3.2): head i at the last committed position guesses i ahead.
///
/// The heads run after the verification and only on committed positions, so their caches never hold a rejected token. Rows
/// wait until a proposal is wanted; of all waiting rows only the last needs more than keys and values.
final class SelfDrafter: Drafter {
    private let model: DecodeModel
    private let workspace: Workspace
    private let caches: [KeyValueCache?]
    private let heads: Int
    private var waiting: [Float] = []
    private var done = 0
    private let input = FloatBuffer()
    private let outputs = FloatBuffer()
    private let logits = FloatBuffer()

    /// - Parameter heads: k, heads in use with head 1; at least 2.
    init(_ model: DecodeModel, heads: Int, workspace: Workspace, capacity: Int) throws {
        self.model = model
        self.workspace = workspace
        self.heads = heads
        caches = try (1..<heads).map { index in
            if case .block = model.heads[index] { return try Verifier.cache(model, capacity) }
            return nil
        }
    }

    func advance(_ latent: UnsafePointer<Float>, rows: Int) {
        waiting += UnsafeBufferPointer(start: latent, count: rows * model.configuration.width)
    }

    func propose(_ count: Int, position: Int, sampler: Sampler) -> [Int32] {
        let width = model.configuration.width
        let vocabulary = model.configuration.vocabulary
        let rows = waiting.count / width
        let wanted = min(count, heads - 1)
        guard wanted > 0, rows > 0 else { return [] }
        let positions = (done..<(done + rows)).map(Int64.init)
        let final = outputs.reserve((heads - 1) * width)
        // All heads run, so that no cache has a hole when more drafts are wanted later.
        for index in 1..<heads {
            let x = input.reserve(rows * width)
            waiting.withUnsafeBufferPointer { source in
                if let base = source.baseAddress { x.update(from: base, count: rows * width) }
            }
            let output = model.apply(
                head: index, to: x, rows: rows, outputs: 1, positions: positions, cache: caches[index - 1],
                workspace: workspace)
            (final + (index - 1) * width).update(from: output, count: width)
        }
        done += rows
        waiting.removeAll(keepingCapacity: true)
        let scores = logits.reserve(wanted * vocabulary)
        model.logits(final, rows: wanted, into: scores, workspace: workspace)
        var drafts: [Int32] = []
        for index in 0..<wanted {
            guard
                let draft = sampler.token(scores + index * vocabulary, count: vocabulary, position: position + index)
            else { break }
            drafts.append(draft)
        }
        return drafts
    }
}
