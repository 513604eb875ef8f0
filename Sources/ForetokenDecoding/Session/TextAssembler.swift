import ForetokenText

/// Turns tokens into text incrementally: emits whole characters only, and withholds tokens that may begin a stop string.
struct TextAssembler {
    /// The longest first: of several that are completed by the same byte, the longest counts.
    private let stops: [[UInt8]]
    private var decoder = UTF8StreamDecoder()
    /// Withheld tokens, each with the number of its bytes.
    private var tokens: [(piece: TextPiece, bytes: Int)] = []
    /// The bytes of the withheld tokens.
    private var held: [UInt8] = []
    private var endsInDraft = false

    init(stopStrings: [String]) {
        stops = stopStrings.map { Array($0.utf8) }.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
    }

    /// Adds a token with its bytes.
    ///
    /// - Returns: the tokens whose text is now final, and the stop string that was completed; the text then ends before it.
    mutating func push(_ bytes: [UInt8], _ piece: TextPiece) -> (pieces: [TextPiece], stop: String?) {
        tokens.append((piece, bytes.count))
        for byte in bytes {
            held.append(byte)
            for stop in stops where held.count >= stop.count && held.suffix(stop.count).elementsEqual(stop) {
                held.removeLast(stop.count)
                return (release(upTo: held.count, cutsTokens: true), String(decoding: stop, as: UTF8.self))
            }
        }
        // The longest suffix that is a prefix of a stop string is withheld.
        let longest = stops.map { $0.count - 1 }.max() ?? 0
        let tail = held.suffix(longest)
        let waiting = (0...tail.count).reversed().first { length in
            stops.contains { $0.count > length && $0.prefix(length).elementsEqual(tail.suffix(length)) }
        }
        return (release(upTo: held.count - (waiting ?? 0), cutsTokens: false), nil)
    }

    /// Releases the withheld tokens at the end.
    mutating func finish() -> [TextPiece] {
        var pieces = release(upTo: held.count, cutsTokens: false)
        let rest = decoder.finish()
        if !rest.isEmpty {
            var piece = TextPiece(token: nil, draftPosition: endsInDraft ? 1 : 0)
            piece.text = rest
            pieces.append(piece)
        }
        return pieces
    }

    /// Releases the tokens whose bytes lie in the first `count`; with `cutsTokens`, also the one that begins there, and drops the
    /// others.
    private mutating func release(upTo count: Int, cutsTokens: Bool) -> [TextPiece] {
        var pieces: [TextPiece] = []
        var start = 0
        for (piece, bytes) in tokens {
            let end = min(start + bytes, cutsTokens ? count : .max)
            guard end <= count, !cutsTokens || start < count else { break }
            var piece = piece
            piece.text = decoder.push(Array(held[start..<end]))
            endsInDraft = piece.isDraft
            pieces.append(piece)
            start = end
        }
        held.removeFirst(start)
        tokens.removeFirst(cutsTokens ? tokens.count : pieces.count)
        return pieces
    }
}
