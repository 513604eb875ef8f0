/// Several shards as one packed token stream: each document with its beginning-of-text and end-of-text tokens.
public final class PackedTokens: Sendable {
    /// The number of tokens in the stream, including special tokens.
    public let length: Int
    private let shards: [TokenShard]
    /// The stream position and the document number at which each shard starts.
    private let starts: [(position: Int, document: Int)]
    private let before: Int32?
    private let after: Int32?

    /// The number of special tokens per document.
    private let extra: Int

    /// Creates the stream.
    ///
    /// - Throws: ``ShardError/tokenizer(file:found:expected:)`` for a shard of another tokenizer.
    public init(_ shards: [TokenShard], tokenizer: any Tokenizer) throws(ShardError) {
        for shard in shards { try shard.requireTokenizer(tokenizer) }
        self.shards = shards
        before = tokenizer.beginningOfText
        after = tokenizer.endOfText
        extra = (before == nil ? 0 : 1) + (after == nil ? 0 : 1)
        var starts: [(Int, Int)] = []
        var (position, document) = (0, 0)
        for shard in shards {
            starts.append((position, document))
            position += shard.tokenCount + shard.documentCount * extra
            document += shard.documentCount
        }
        self.starts = starts
        length = position
    }

    /// Fills two buffers of equal length with the tokens from a stream position and their document numbers. Beyond the end of the
    /// stream: the end-of-text token (0 if there is none) and document -1.
    public func fill(
        from position: Int, tokens: UnsafeMutableBufferPointer<Int32>, documents: UnsafeMutableBufferPointer<Int32>
    ) {
        precondition(position >= 0 && tokens.count == documents.count)
        var written = 0
        while written < tokens.count {
            let at = position + written
            guard at < length else {
                tokens[written...].update(repeating: after ?? 0)
                documents[written...].update(repeating: -1)
                return
            }
            let index = starts.lastIndex { $0.position <= at } ?? 0
            let (shard, start) = (shards[index], starts[index])
            let document = self.document(in: shard, at: at - start.position)
            let first = shard.offset(ofDocument: document)
            let end = shard.offset(ofDocument: document + 1)
            // The offset in the document, which consists of [before], the tokens first..<end, and [after].
            var offset = at - start.position - (first + document * extra)
            let total = end - first + extra
            let lead = before == nil ? 0 : 1
            while offset < total, written < tokens.count {
                if offset < lead {
                    tokens[written] = before ?? 0
                    (offset, written) = (offset + 1, written + 1)
                } else if offset < lead + end - first {
                    let count = min(lead + end - first - offset, tokens.count - written)
                    shard.copyTokens(
                        from: first + offset - lead,
                        into: UnsafeMutableBufferPointer(rebasing: tokens[written..<(written + count)]))
                    (offset, written) = (offset + count, written + count)
                } else {
                    tokens[written] = after ?? 0
                    (offset, written) = (offset + 1, written + 1)
                }
            }
            documents[(at - position)..<written].update(repeating: Int32(truncatingIfNeeded: start.document + document))
        }
    }

    /// Starts reading from disk what ``fill(from:tokens:documents:)`` will copy for `count` positions; does not block.
    public func readAhead(from position: Int, count: Int) {
        guard position < length, let index = starts.lastIndex(where: { $0.position <= position }) else { return }
        let (shard, local) = (shards[index], position - starts[index].position)
        // Special tokens are not in the file, so the range is approximate and starts slightly early.
        let first = min(max(0, local - (document(in: shard, at: local) + 1) * extra), shard.tokenCount)
        shard.readAhead(from: first, count: min(count + extra, shard.tokenCount - first))
    }

    /// The last document that starts at or before a position of the shard's stream.
    private func document(in shard: TokenShard, at position: Int) -> Int {
        var (low, high) = (0, shard.documentCount)
        while high - low > 1 {
            let middle = (low + high) / 2
            if shard.offset(ofDocument: middle) + middle * extra <= position { low = middle } else { high = middle }
        }
        return low
    }
}
