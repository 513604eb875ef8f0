import ForetokenModel

/// Rows [rows, D] of committed positions that a head has not seen.
struct WaitingRows {
    /// The position of the first, or of the next one to come.
    private(set) var position = 0
    private(set) var rows: [Float] = []
    let width: Int

    init(width: Int, position: Int = 0) { (self.width, self.position) = (width, position) }

    var count: Int { rows.count / width }
    var end: Int { position + count }

    /// Positions may be left out only while no row waits.
    mutating func append(_ new: some Collection<Float>, position: Int) {
        if rows.isEmpty { self.position = position }
        rows += new
    }

    mutating func removeFirst(_ count: Int) {
        rows.removeFirst(count * width)
        position += count
    }

    /// The same up to a position.
    func upTo(_ end: Int) -> WaitingRows {
        var part = self
        part.rows = Array(rows.prefix(max(0, end - position) * width))
        return part
    }
}

/// What heads 2, 3, … know of a sequence.
final class DraftState {
    /// Keys and values of each head that is a block, unless head 1 reads it: then they are in the sequence's own cache.
    let caches: [KeyValueCache?]
    /// Rows of the draft source for all heads at once; for heads that draft one after another, the inputs of each.
    var waiting: [WaitingRows]
    var waitingRows: Int { waiting.map(\.count).max() ?? 0 }

    init(_ model: DecodeModel, heads: Int, maximum: Int, pool: CachePool) {
        caches = model.heads[1..<max(1, heads)].map { head in
            guard model.hasOwnCache(head) else { return nil }
            return KeyValueCache(layers: 1, maximum: maximum, pool: pool)
        }
        let isWaitingEach = model.draftSource == .nextTokenPath || model.configuration.headGraph.joinedTokens > 0
        waiting = (0..<(isWaitingEach ? caches.count : 1)).map { _ in WaitingRows(width: model.configuration.width) }
    }

    /// What the heads know of the first `length` positions, as long as one more position is still to come.
    ///
    /// Head i of a stepwise model knows token t + i − 1 at position t, so of those positions only the first length − i + 1
    /// are known; the rows between are gone, and its cache has a hole there, which can cost a draft and changes no text.
    init(_ model: DecodeModel, forking other: DraftState, _ length: Int, heads: Int, maximum: Int) throws {
        let width = model.configuration.width
        let isStepwise = model.configuration.headGraph.joinedTokens > 0
        var (caches, waiting): ([KeyValueCache?], [WaitingRows]) = ([], [])
        for (index, cache) in other.caches.prefix(max(0, heads - 1)).enumerated() {
            let from = other.waiting[isStepwise ? index : 0]
            let valid = max(0, length - (isStepwise ? index + 1 : 0))
            let known = min(from.position, valid)
            // Slots are fewer than positions where there are holes.
            try caches.append(
                cache.map { try $0.fork(max(0, min($0.count, known - (from.position - $0.count))), maximum: maximum) })
            if isStepwise {
                waiting.append(
                    from.position <= valid ? from.upTo(valid + 1) : WaitingRows(width: width, position: valid))
            }
        }
        self.caches = caches
        if isStepwise {
            self.waiting = waiting
        } else if caches.contains(where: { $0 != nil }) {
            self.waiting = [
                other.waiting[0].position <= length
                    ? other.waiting[0].upTo(length) : WaitingRows(width: width, position: length)
            ]
        } else {
            let count = model.draftSource == .nextTokenPath ? caches.count : 1
            self.waiting = (0..<count).map { _ in WaitingRows(width: width, position: length) }
        }
    }
}
