/// Ended sequences whose caches stay for prompts that begin like them, the least recently used first.
final class PrefixCache {
    /// Prefixes shorter than this are not worth looking after.
    private static let shortest = CachePool.slotsPerPage

    private struct Entry {
        let tokens: [Int32]
        let sequence: DecodingSequence
        let pages: Int
    }

    private var entries: [Entry] = []
    /// Pages that the kept sequences hold.
    private(set) var pages = 0

    /// Keeps an ended sequence.
    func keep(_ sequence: DecodingSequence, pages: Int) {
        guard sequence.committed >= Self.shortest else { return }
        let tokens = Array((sequence.request.prompt + sequence.statistics.tokens).prefix(sequence.committed))
        // One that this one continues is of no more use, unless it knows more heads.
        entries.removeAll { entry in
            guard entry.sequence.request.heads <= sequence.request.heads, tokens.starts(with: entry.tokens)
            else { return false }
            self.pages -= entry.pages
            return true
        }
        entries.append(Entry(tokens: tokens, sequence: sequence, pages: pages))
        self.pages += pages
    }

    /// The kept sequence that shares the longest beginning with a prompt, and how long that is; at least the prompt's last
    /// token is left to run.
    func longest(_ request: GenerationRequest) -> (sequence: DecodingSequence, length: Int)? {
        var best: (index: Int, length: Int)?
        for (index, entry) in entries.enumerated() where entry.sequence.request.heads >= request.heads {
            let common = zip(entry.tokens, request.prompt.dropLast()).prefix { $0 == $1 }.count
            if common >= Self.shortest, common > best?.length ?? 0 { best = (index, common) }
        }
        guard let best else { return nil }
        let entry = entries.remove(at: best.index)
        entries.append(entry)
        return (entry.sequence, best.length)
    }

    /// Frees the least recently used.
    ///
    /// - Returns: whether there was one.
    func dropOldest() -> Bool {
        guard !entries.isEmpty else { return false }
        pages -= entries.removeFirst().pages
        return true
    }
}
