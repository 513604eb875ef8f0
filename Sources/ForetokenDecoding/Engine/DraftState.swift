import ForetokenModel

/// Rows [rows, D] of committed positions that a head has not processed yet.
struct WaitingRows {
    /// The position of the first row, or, if there is none, of the next one to be appended.
    private(set) var position = 0
    private(set) var rows: [Float] = []
    let width: Int

    init(width: Int, position: Int = 0) { (self.width, self.position) = (width, position) }

    var count: Int { rows.count / width }
    var end: Int { position + count }

    /// Positions may be skipped only while no row waits.
    mutating func append(_ new: some Collection<Float>, position: Int) {
        if rows.isEmpty { self.position = position }
        rows += new
    }

    mutating func removeFirst(_ count: Int) {
        rows.removeFirst(count * width)
        position += count
    }

    /// The rows before position `end`.
    func upTo(_ end: Int) -> WaitingRows {
        var part = self
        part.rows = Array(rows.prefix(max(0, end - position) * width))
        return part
    }
}

/// The state of heads 2, 3, … in a sequence.
final class DraftState {
    /// The cache of each head that is a block; nil for heads on the next-token path, whose keys and values are in the
    /// sequence's own cache.
    let caches: [KeyValueCache?]
    /// Rows of the draft source, shared by all heads; for stepwise heads, the inputs of each.
    var waiting: [WaitingRows]
    var waitingRows: Int { waiting.map(\.count).max() ?? 0 }

    init(_ model: DecodeModel, heads: Int, maximum: Int, allocator: BlockAllocator) {
        caches = model.heads[1..<max(1, heads)].map { head in
            guard model.hasOwnCache(head) else { return nil }
            return KeyValueCache(layers: 1, maximum: maximum, allocator: allocator)
        }
        let isWaitingEach = model.draftSource == .nextTokenPath || model.configuration.headGraph.joinedTokens > 0
        waiting = (0..<(isWaitingEach ? caches.count : 1)).map { _ in WaitingRows(width: model.configuration.width) }
    }

    /// Forks the state of the first `length` positions; at least one more position must follow.
    ///
    /// Head i of a stepwise model reads token t + i − 1 at position t, so only its first length − i + 1 positions are valid
    /// for the fork. The rows between are lost, which leaves a hole in its cache: drafts may get worse, the text stays the
    /// same.
    init(_ model: DecodeModel, forking other: DraftState, _ length: Int, heads: Int, maximum: Int) throws {
        let width = model.configuration.width
        let isStepwise = model.configuration.headGraph.joinedTokens > 0
        var (caches, waiting): ([KeyValueCache?], [WaitingRows]) = ([], [])
        for (index, cache) in other.caches.prefix(max(0, heads - 1)).enumerated() {
            let from = other.waiting[isStepwise ? index : 0]
            let valid = max(0, length - (isStepwise ? index + 1 : 0))
            let cached = min(from.position, valid)
            // With holes there are fewer slots than positions.
            try caches.append(
                cache.map { try $0.fork(max(0, min($0.count, cached - (from.position - $0.count))), maximum: maximum) })
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
