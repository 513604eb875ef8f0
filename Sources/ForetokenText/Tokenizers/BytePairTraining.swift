import ForetokenPlatform

/// Trains a byte-level BPE vocabulary: repeatedly merges the most frequent pair of tokens inside words (Sennrich, Haddow and Birch
/// 2016).
///
/// Ties are broken in favour of smaller tokens, as in Hugging Face's trainer, so the result depends only on the counts of words and
/// not on their order.
public struct BytePairTraining {
    /// The vocabulary size V to reach: bytes, merges and two special tokens.
    public let vocabularySize: Int
    /// Splits documents into words.
    public let preTokenizer: PreTokenizer
    /// The minimum frequency of a pair to be merged.
    public var minimumFrequency = 2

    private var words = ByteStringTable()
    private var counts: [Int] = []

    /// - Throws: ``TokenizerError/vocabulary(size:least:)``.
    public init(vocabularySize: Int, preTokenizer: PreTokenizer = .llama3) throws(TokenizerError) {
        let least = 256 + 2
        guard (least...BytePairTokenizer.largestVocabulary).contains(vocabularySize) else {
            throw .vocabulary(size: vocabularySize, least: least)
        }
        self.vocabularySize = vocabularySize
        self.preTokenizer = preTokenizer
    }

    /// The number of distinct words so far.
    public var wordCount: Int { words.count }

    /// Counts the words of a document.
    public mutating func add(_ document: [UInt8]) {
        document.withUnsafeBufferPointer { text in
            preTokenizer.forEachWord(text) { range in
                let (number, isNew) = words.insert(UnsafeBufferPointer(rebasing: text[range]))
                if isNew { counts.append(1) } else { counts[number] += 1 }
            }
        }
    }

    /// Merges until the vocabulary is full or no pair is frequent enough.
    ///
    /// - Parameter progress: called regularly with the number of tokens so far.
    /// - Throws: ``TokenizerError``.
    public func train(progress: (Int) -> Void = { _ in }) throws -> BytePairTokenizer {
        var state = MergeSearch(words, counts)
        while state.tokenCount + 2 < vocabularySize, state.mergeMostFrequent(atLeast: minimumFrequency) {
            if state.tokenCount % 500 == 0 { progress(state.tokenCount) }
        }
        let definition = TokenizerDefinition(
            words: state.tokens, merges: state.merges, preTokenizer: preTokenizer)
        return try BytePairTokenizer(parsing: definition.text, file: TokenizerFile.name)
    }
}

/// The state of the merge search: all words as tokens, with incrementally updated pair counts.
private struct MergeSearch {
    private(set) var tokens: [[UInt8]] = ByteAlphabet.order.map { [$0] }
    private(set) var merges: [(left: Int32, right: Int32)] = []
    var tokenCount: Int { tokens.count }

    private struct Pair {
        var count = 0
        /// Words that contain the pair or have contained it.
        var words: [Int32] = []
    }
    private struct Candidate: Comparable {
        let count: Int
        let key: UInt64
        static func < (left: Self, right: Self) -> Bool {
            left.count != right.count ? left.count > right.count : left.key < right.key
        }
    }
    /// The tokens of all words in one array; a word shrinks in place.
    private var symbols: [Int32] = []
    private var wordRanges: [(start: Int, count: Int32)] = []
    private let frequencies: [Int]
    private var pairs: [UInt64: Pair] = [:]
    private var queue = BinaryHeap<Candidate>()
    /// The token of each byte string; different merges can produce the same token.
    private var numbers: [[UInt8]: Int32] = [:]

    init(_ words: ByteStringTable, _ frequencies: [Int]) {
        self.frequencies = frequencies
        var byteTokens = [Int32](repeating: 0, count: 256)
        for (token, byte) in ByteAlphabet.order.enumerated() {
            byteTokens[Int(byte)] = Int32(token)
            numbers[[byte]] = Int32(token)
        }
        for word in 0..<words.count {
            let bytes = words[word]
            wordRanges.append((symbols.count, Int32(bytes.count)))
            symbols += bytes.map { byteTokens[Int($0)] }
            for index in wordRanges[word].start..<max(wordRanges[word].start, symbols.count - 1) {
                change(symbols[index], symbols[index + 1], by: frequencies[word], in: word)
            }
        }
        for (key, pair) in pairs { queue.push(Candidate(count: pair.count, key: key)) }
    }

    /// Merges the most frequent pair everywhere. Returns false if no pair is frequent enough.
    mutating func mergeMostFrequent(atLeast minimum: Int) -> Bool {
        while let candidate = queue.pop() {
            let count = pairs[candidate.key]?.count ?? 0
            guard count == candidate.count else {
                if count > 0 { queue.push(Candidate(count: count, key: candidate.key)) }
                continue
            }
            guard count >= minimum else { return false }
            merge(candidate.key)
            return true
        }
        return false
    }

    private mutating func merge(_ key: UInt64) {
        let (left, right) = (Int32(truncatingIfNeeded: key >> 32), Int32(truncatingIfNeeded: key))
        let bytes = tokens[Int(left)] + tokens[Int(right)]
        let merged = numbers[bytes] ?? Int32(tokens.count)
        if merged == tokens.count {
            tokens.append(bytes)
            numbers[bytes] = merged
        }
        merges.append((left, right))
        var grown: Set<UInt64> = []
        for word in pairs.removeValue(forKey: key)?.words ?? [] {
            merge(left, right, into: merged, in: Int(word), grown: &grown)
        }
        // Updating neighbours can count the merged pair again; it must not be merged twice.
        pairs[key] = nil
        for key in grown {
            if let count = pairs[key]?.count, count > 0 { queue.push(Candidate(count: count, key: key)) }
        }
    }

    private mutating func merge(
        _ left: Int32, _ right: Int32, into merged: Int32, in word: Int, grown: inout Set<UInt64>
    ) {
        let (start, count) = (wordRanges[word].start, Int(wordRanges[word].count))
        let frequency = frequencies[word]
        let end = start + count
        var (read, write) = (start, start)
        while read < end {
            guard read + 1 < end, symbols[read] == left, symbols[read + 1] == right else {
                symbols[write] = symbols[read]
                (read, write) = (read + 1, write + 1)
                continue
            }
            if write > start {
                change(symbols[write - 1], left, by: -frequency, in: word)
                change(symbols[write - 1], merged, by: frequency, in: word)
                grown.insert(MergeTable.key(symbols[write - 1], merged))
            }
            if read + 2 < end {
                change(right, symbols[read + 2], by: -frequency, in: word)
                change(merged, symbols[read + 2], by: frequency, in: word)
                grown.insert(MergeTable.key(merged, symbols[read + 2]))
            }
            symbols[write] = merged
            (read, write) = (read + 2, write + 1)
        }
        wordRanges[word].count = Int32(write - start)
    }

    private mutating func change(_ left: Int32, _ right: Int32, by amount: Int, in word: Int) {
        func update(_ pair: inout Pair) {
            pair.count += amount
            if amount > 0, pair.words.last != Int32(word) { pair.words.append(Int32(word)) }
        }
        update(&pairs[MergeTable.key(left, right), default: Pair()])
    }
}
