/// ROUGE (Lin, 2004) as the Python package `rouge-score` computes it: n-gram overlap and longest common subsequences of words.
public struct Rouge: Sendable {
    /// A kind of ROUGE.
    public enum Kind: Sendable, Hashable {
        /// ROUGE-n: overlap of n-grams.
        case ngram(Int)
        /// ROUGE-L: the longest common subsequence of the whole texts.
        case longestSubsequence
        /// ROUGE-Lsum: the union of longest common subsequences by lines.
        case summaryLevel

        /// The kinds that the multi-token prediction paper reports (table S10).
        public static let all: [Kind] = [.ngram(1), .ngram(2), .ngram(3), .longestSubsequence, .summaryLevel]

        /// The name in `rouge-score`: `rouge1`, `rougeL`, `rougeLsum`.
        public var name: String {
            switch self {
            case .ngram(let n): "rouge\(n)"
            case .longestSubsequence: "rougeL"
            case .summaryLevel: "rougeLsum"
            }
        }
    }

    /// How well a text agrees with a reference.
    public struct Score: Sendable, Equatable {
        /// Matches ÷ words or n-grams of the text.
        public var precision = 0.0
        /// Matches ÷ words or n-grams of the reference.
        public var recall = 0.0
        /// The harmonic mean of both.
        public var f: Double {
            precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
        }

        init() {}

        init(matches: Int, text: Int, reference: Int) {
            precision = Double(matches) / Double(max(text, 1))
            recall = Double(matches) / Double(max(reference, 1))
        }
    }

    private let stems: Bool

    /// `stems`: whether words of more than three letters are replaced by their Porter stems.
    public init(stems: Bool = false) { self.stems = stems }

    /// The score against the reference of the highest F, the first of equal ones.
    public func score(_ text: String, references: [String], _ kind: Kind) -> Score {
        let scores = references.map { score(text, reference: $0, kind) }
        return scores.dropFirst().reduce(scores.first ?? Score()) { $1.f > $0.f ? $1 : $0 }
    }

    /// The score against one reference.
    public func score(_ text: String, reference: String, _ kind: Kind) -> Score {
        switch kind {
        case .ngram(let n): overlap(words(text), words(reference), n)
        case .longestSubsequence:
            Self.subsequenceScore(text: words(text), reference: words(reference))
        case .summaryLevel:
            Self.summaryScore(text: lines(text), reference: lines(reference))
        }
    }

    // MARK: Words

    /// Runs of the letters a to z and of digits in the lower-case text, stemmed if asked for.
    func words(_ text: String) -> [[UInt8]] { words(Array(text.unicodeScalars)[...]) }

    private func words(_ text: ArraySlice<Unicode.Scalar>) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        func end() {
            if !word.isEmpty { words.append(stems && word.count > 3 ? PorterStemmer.stem(word) : word) }
            word.removeAll()
        }
        for scalar in text {
            switch scalar {
            case "a"..."z", "0"..."9": word.append(UInt8(scalar.value))
            case "A"..."Z": word.append(UInt8(scalar.value) | 0x20)
            // The two other characters whose lower case has a letter of ASCII: the Kelvin sign, and a dotted capital I, whose
            // dot becomes a character of its own.
            case "\u{212A}": word.append(UInt8(ascii: "k"))
            case "\u{130}":
                word.append(UInt8(ascii: "i"))
                end()
            default: end()
            }
        }
        end()
        return words
    }

    /// The words of each line that is not empty.
    private func lines(_ text: String) -> [[[UInt8]]] {
        // By scalars: as Characters, "\r\n" would be one and no line feed.
        Array(text.unicodeScalars).split(separator: "\n").map(words)
    }

    // MARK: Scores

    private func overlap(_ text: [[UInt8]], _ reference: [[UInt8]], _ n: Int) -> Score {
        func ngrams(_ words: [[UInt8]]) -> [ArraySlice<[UInt8]>: Int] {
            var counts: [ArraySlice<[UInt8]>: Int] = [:]
            for start in 0..<max(0, words.count - n + 1) { counts[words[start..<start + n], default: 0] += 1 }
            return counts
        }
        let (own, theirs) = (ngrams(text), ngrams(reference))
        let matches = own.reduce(0) { $0 + min($1.value, theirs[$1.key] ?? 0) }
        return Score(matches: matches, text: max(0, text.count - n + 1), reference: max(0, reference.count - n + 1))
    }

    private static func subsequenceScore(text: [[UInt8]], reference: [[UInt8]]) -> Score {
        var numbers = WordNumbers()
        let (own, theirs) = (numbers.of(text), numbers.of(reference))
        // One row of the table of lengths at a time.
        var lengths = [Int](repeating: 0, count: own.count + 1)
        for word in theirs {
            var diagonal = 0
            for column in own.indices {
                let above = lengths[column + 1]
                lengths[column + 1] = word == own[column] ? diagonal + 1 : max(above, lengths[column])
                diagonal = above
            }
        }
        return Score(matches: lengths[own.count], text: own.count, reference: theirs.count)
    }

    /// Of every reference line, the words in the union of its longest common subsequences with all lines of the text; no word
    /// counts more often than either side has it.
    private static func summaryScore(text: [[[UInt8]]], reference: [[[UInt8]]]) -> Score {
        var numbers = WordNumbers()
        let (own, theirs) = (text.map { numbers.of($0) }, reference.map { numbers.of($0) })
        func counts(_ lines: [[Int]]) -> [Int: Int] { lines.joined().reduce(into: [:]) { $0[$1, default: 0] += 1 } }
        var (ownLeft, theirsLeft) = (counts(own), counts(theirs))
        var matches = 0
        for line in theirs {
            let union = own.reduce(into: Set<Int>()) { $0.formUnion(commonIndices(of: line, with: $1)) }
            for word in union.map({ line[$0] }) where ownLeft[word, default: 0] > 0 && theirsLeft[word, default: 0] > 0
            {
                matches += 1
                ownLeft[word, default: 0] -= 1
                theirsLeft[word, default: 0] -= 1
            }
        }
        return Score(
            matches: matches, text: own.reduce(0) { $0 + $1.count }, reference: theirs.reduce(0) { $0 + $1.count })
    }

    /// The indices in `line` of one longest common subsequence; of several, the one that `rouge-score` reads from its table.
    private static func commonIndices(of line: [Int], with other: [Int]) -> [Int] {
        let width = other.count + 1
        var lengths = [Int](repeating: 0, count: (line.count + 1) * width)
        for row in line.indices {
            for column in other.indices {
                lengths[(row + 1) * width + column + 1] =
                    line[row] == other[column]
                    ? lengths[row * width + column] + 1
                    : max(lengths[row * width + column + 1], lengths[(row + 1) * width + column])
            }
        }
        var (row, column) = (line.count, other.count)
        var indices: [Int] = []
        while row > 0, column > 0 {
            if line[row - 1] == other[column - 1] {
                indices.append(row - 1)
                (row, column) = (row - 1, column - 1)
            } else if lengths[row * width + column - 1] > lengths[(row - 1) * width + column] {
                column -= 1
            } else {
                row -= 1
            }
        }
        return indices
    }

    /// Numbers for words: faster to compare in the inner loops.
    private struct WordNumbers {
        private var known: [[UInt8]: Int] = [:]

        mutating func of(_ words: [[UInt8]]) -> [Int] {
            words.map { word in
                if let number = known[word] { return number }
                known[word] = known.count
                return known.count - 1
            }
        }
    }
}
