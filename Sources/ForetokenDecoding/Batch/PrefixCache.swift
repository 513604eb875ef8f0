/// Caches of finished sequences, for later prompts that share a prefix with them; the least recently used first.
final class PrefixCache {
    /// Minimum length of a prefix worth keeping, in tokens.
    private static let shortest = BlockAllocator.slotsPerPage

    private struct Entry {
        let tokens: [Int32]
        let sequence: DecodingSequence
        let pages: Int
    }

    private var entries: [Entry] = []
    /// Pages held by all entries.
    private(set) var pages = 0

    /// Adds a finished sequence.
    func insert(_ sequence: DecodingSequence, pages: Int) {
        guard sequence.committed >= Self.shortest else { return }
        let tokens = Array((sequence.request.prompt + sequence.statistics.tokens).prefix(sequence.committed))
        // An entry that is a prefix of the new one is redundant, unless it has caches of more heads.
        entries.removeAll { entry in
            guard entry.sequence.request.heads <= sequence.request.heads, tokens.starts(with: entry.tokens)
            else { return false }
            self.pages -= entry.pages
            return true
        }
        entries.append(Entry(tokens: tokens, sequence: sequence, pages: pages))
        self.pages += pages
    }

    /// Finds the entry with the longest common prefix with a prompt, and the prefix's length. The prompt's last token is never
    /// part of it, since its pass gives the first logits.
    func longestMatch(for request: GenerationRequest) -> (sequence: DecodingSequence, length: Int)? {
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

    /// Evicts the least recently used entry.
    ///
    /// - Returns: whether there was one.
    func evictOldest() -> Bool {
        guard !entries.isEmpty else { return false }
        pages -= entries.removeFirst().pages
        return true
    }
}
