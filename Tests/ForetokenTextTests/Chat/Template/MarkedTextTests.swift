import ForetokenFiles
import Testing

@testable import ForetokenText

/// Operations on marked text, against the same ones on arrays of code points with a mark each.
@Suite struct MarkedTextTests {
    /// A text as code points with marks.
    private typealias Plain = [Element]

    private struct Element: Equatable {
        var scalar: Unicode.Scalar
        var marks: MarkedText.Marks
    }

    private func plain(_ text: MarkedText) -> Plain {
        var result: Plain = []
        var position = 0
        while position < text.bytes.count {
            result.append(Element(scalar: text.scalar(at: position), marks: text.marks(at: position)))
            position = text.position(after: position)
        }
        return result
    }

    private func random(_ generator: inout SplitMix64) -> MarkedText {
        let pieces = ["", "a", "b", "ab", "aab", " ", "é", "e\u{301}", "🙂", "日", "\n", "\u{2028}", "\u{0}", "ß"]
        var text = MarkedText()
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            let marks =
                [MarkedText.Marks(), .user, .generation, [.user, .generation]].randomElement(using: &generator) ?? []
            text.append(pieces.randomElement(using: &generator) ?? "", marks: marks)
        }
        return text
    }

    /// Runs are sorted, disjoint, not empty, and merged.
    private func isSound(_ text: MarkedText) -> Bool {
        let runs = text.runs
        return runs.allSatisfy { !$0.range.isEmpty && !$0.marks.isEmpty && $0.range.upperBound <= text.bytes.count }
            && zip(runs, runs.dropFirst()).allSatisfy { left, right in
                left.range.upperBound < right.range.lowerBound
                    || left.range.upperBound == right.range.lowerBound && left.marks != right.marks
            } && text.isASCII == text.bytes.allSatisfy { $0 < 0x80 }
    }

    @Test func operationsMoveMarksWithTheirCodePoints() {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<5000 {
            let (text, other, third) = (random(&generator), random(&generator), random(&generator))
            let (left, right) = (plain(text), plain(other))
            #expect(plain(text + other) == left + right)
            #expect(text.count == left.count)
            let count = Int.random(in: 0...left.count, using: &generator)
            let start = Int.random(in: 0...(left.count - count), using: &generator)
            #expect(plain(text.slice(from: start, by: 1, count: count)) == Array(left[start..<start + count]))
            #expect(plain(text.slice(from: max(0, left.count - 1), by: -1, count: left.count)) == left.reversed())
            let segments = text.segments
            #expect(segments.flatMap { Array($0.range) } == Array(0..<text.bytes.count))
            #expect(plain(text.adding(.user)) == left.map { Element(scalar: $0.scalar, marks: $0.marks.union(.user)) })
            var parts: [MarkedText] = []
            if !other.isEmpty {
                parts = text.split(by: other, limit: -1)
                #expect(parts.dropFirst().reduce(parts[0]) { $0 + other + $1 } == text)
                #expect(parts.count == text.occurrences(of: other) + 1)
                let replaced = text.replacing(other, with: third)
                #expect(plain(replaced) == plain(parts.dropFirst().reduce(parts[0]) { $0 + third + $1 }))
                let fromRight = text.splitFromRight(by: other, limit: -1)
                #expect(fromRight.dropFirst().reduce(fromRight[0]) { $0 + other + $1 } == text)
                let whole = 0..<text.bytes.count
                let found = (0...text.bytes.count).filter { text.bytes[$0...].starts(with: other.bytes) }
                #expect(text.find(other.bytes, in: whole) == found.first)
                #expect(text.findLast(other.bytes, in: whole) == found.last)
            }
            let stripped = text.stripped(nil)
            #expect(text.contains(stripped))
            for result in [text + other, stripped, text.uppercased, text.replacing(other, with: third)] + parts {
                #expect(isSound(result))
            }
        }
    }

    /// Searching for long repetitions takes linear time; the naive way would take hours here.
    @Test func searchingIsLinear() {
        let text = MarkedText([UInt8](repeating: 0x61, count: 2_000_000))
        let end = MarkedText([UInt8](repeating: 0x61, count: 1_000_000) + [0x62])
        let start = MarkedText([0x62] + [UInt8](repeating: 0x61, count: 1_000_000))
        #expect(text.find(end.bytes, in: 0..<2_000_000) == nil)
        #expect(text.findLast(start.bytes, in: 0..<2_000_000) == nil)
        #expect(text.findLast([0x61], in: 0..<2_000_000) == 1_999_999)
    }

    /// Two spellings of a letter are different texts, as in Python, though equal as Swift strings.
    @Test func equalityIsThatOfBytes() {
        #expect(MarkedText("é") != MarkedText("e\u{301}"))
        #expect(MarkedText("a", marks: .user) == MarkedText("a"))
    }

    /// Doubles print as in Python; each text was printed by it.
    @Test(arguments: [
        (0.1, "0.1"), (-0.0, "-0.0"), (1e16, "1e+16"), (1e15, "1000000000000000.0"),
        (123_456_789_012_345_680, "1.2345678901234568e+17"),
        (1e-4, "0.0001"), (1e-5, "1e-05"), (1.5e-7, "1.5e-07"), (1e100, "1e+100"), (.leastNonzeroMagnitude, "5e-324"),
        (100, "100.0"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (9_007_199_254_740_992, "9007199254740992.0"),
        (0.5, "0.5"),
        (12345.678, "12345.678"), (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"),
        (9_999_999_999_999_998, "9999999999999998.0"),
    ])
    func doublesPrintAsInPython(value: Double, expected: String) {
        #expect(value.pythonRepresentation == expected)
    }
}
