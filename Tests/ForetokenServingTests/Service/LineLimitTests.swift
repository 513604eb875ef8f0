import ForetokenFiles
import Testing

@testable import ForetokenDecoding
@testable import ForetokenServing

struct LineLimitTests {
    /// Texts in every division into pieces and blocks: cut before the content of a line that is less indented.
    @Test func aLessIndentedLineEndsTheText() {
        var generator = SplitMix64(seed: 5)
        let lines = ["", " ", "    x", "  y z", "\tw", "        deep", "é", "x = 1"]
        for _ in 0..<3000 {
            let text = (0..<1 + generator.next() % 5).map { _ in lines[Int(generator.next() % UInt64(lines.count))] }
                .joined(separator: "\n")
            let indentation = Int(generator.next() % 6)
            var expected = ""
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                if number > 0 { expected += "\n" }
                let blank = line.prefix { $0 == " " || $0 == "\t" }
                if number > 0, blank.count < line.count, blank.count < indentation {
                    expected += blank
                    break
                }
                expected += line
            }
            var limit = LineLimit(after: nil, indentation: indentation)
            var (found, rest) = ("", Substring(text))
            while !rest.isEmpty {
                let block = (0..<1 + generator.next() % 3).map { _ in
                    let part = rest.prefix(Int(generator.next() % 4))
                    rest.removeFirst(part.count)
                    return TextPiece(String(part))
                }
                let cut = limit.cut(block)
                found += (cut ?? block).map(\.text).joined()
                if cut != nil { break }
            }
            #expect(found == expected, "\(text.debugDescription), \(indentation)")
        }
    }

    @Test func aLateTextEndsWithItsLine() {
        var limit = LineLimit(after: .seconds(-1), indentation: 0)
        #expect(limit.cut([TextPiece("a"), TextPiece("b")]) == nil)
        #expect(limit.cut([TextPiece("c\nd"), TextPiece("e")])?.map(\.text) == ["c\n"])
        var early = LineLimit(after: .seconds(1000), indentation: 0)
        #expect(early.cut([TextPiece("c\nd")]) == nil)
    }
}

extension TextPiece {
    fileprivate init(_ text: String) {
        self.init(token: 0)
        self.text = text
    }
}
