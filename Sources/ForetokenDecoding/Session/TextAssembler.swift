import ForetokenText

/// Turns tokens into text incrementally: emits whole characters only, and withholds text that may begin a stop string.
struct TextAssembler {
    /// The longest first: of several that are completed by the same byte, the longest counts.
    private let stops: [[UInt8]]
    private var decoder = UTF8StreamDecoder()
    private var held: [(byte: UInt8, isDraft: Bool)] = []

    init(stopStrings: [String]) {
        stops = stopStrings.map { Array($0.utf8) }.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
    }

    /// Adds a token's bytes.
    ///
    /// - Returns: the text that is now final, and whether a stop string was completed; the text then ends before it.
    mutating func push(_ bytes: [UInt8], isDraft: Bool) -> (pieces: [TextPiece], isStopped: Bool) {
        for byte in bytes {
            held.append((byte, isDraft))
            for stop in stops where held.count >= stop.count {
                guard held.suffix(stop.count).map(\.byte) == stop else { continue }
                held.removeLast(stop.count)
                return (release(held.count), true)
            }
        }
        // The longest suffix that is a prefix of a stop string is withheld.
        let longest = stops.map { $0.count - 1 }.max() ?? 0
        let tail = held.suffix(longest).map(\.byte)
        let waiting = (0...tail.count).reversed().first { length in
            stops.contains { $0.count > length && $0.prefix(length).elementsEqual(tail.suffix(length)) }
        }
        return (release(held.count - (waiting ?? 0)), false)
    }

    /// Releases the withheld text at the end.
    mutating func finish() -> [TextPiece] {
        let pieces = release(held.count)
        let rest = decoder.finish()
        return rest.isEmpty ? pieces : pieces + [TextPiece(text: rest, isDraft: pieces.last?.isDraft ?? false)]
    }

    private mutating func release(_ count: Int) -> [TextPiece] {
        var pieces: [TextPiece] = []
        var start = 0
        while start < count {
            let isDraft = held[start].isDraft
            let end = held[start..<count].firstIndex { $0.isDraft != isDraft } ?? count
            let text = decoder.push(held[start..<end].map(\.byte))
            if !text.isEmpty { pieces.append(TextPiece(text: text, isDraft: isDraft)) }
            start = end
        }
        held.removeFirst(count)
        return pieces
    }
}
