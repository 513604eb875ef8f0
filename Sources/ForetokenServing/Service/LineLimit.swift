import ForetokenDecoding

/// Ends a text at a line: the next line break after some time, or a line that is less indented than others (llama.cpp's
/// `t_max_predict_ms` and `n_indent`, by which editors keep completions short).
struct LineLimit: Sendable {
    /// After this, the text ends with its line.
    var end: ContinuousClock.Instant?
    /// The text ends before the content of a line with fewer spaces and tabs; the line on which it begins does not count.
    var indentation = 0
    /// The spaces and tabs of the line so far; nil after its first other character.
    private var indent: Int?

    init(after time: Duration?, indentation: Int) {
        end = time.map { ContinuousClock().now + $0 }
        self.indentation = indentation
    }

    /// The part of a block before the limit; nil if all of it is.
    mutating func cut(_ pieces: [TextPiece]) -> [TextPiece]? {
        guard end != nil || indentation > 0 else { return nil }
        let isLate = end.map { ContinuousClock().now > $0 } ?? false
        for (index, piece) in pieces.enumerated() {
            for (offset, character) in zip(piece.text.indices, piece.text) {
                let isBlank = character == " " || character == "\t"
                if let indent, !isBlank, !character.isNewline, indent < indentation {
                    return pieces[..<index] + [piece.cut(to: offset)]
                }
                if character.isNewline {
                    if isLate { return pieces[..<index] + [piece.cut(to: piece.text.index(after: offset))] }
                    indent = 0
                } else {
                    indent = isBlank ? indent.map { $0 + 1 } : nil
                }
            }
        }
        return nil
    }
}
