import Foundation
import Testing

@testable import ForetokenEvaluation

struct OutputComparisonTests {
    private static let both: [OutputComparison] = [.lines, .words]

    private func accepts(_ comparison: OutputComparison, _ found: String, _ expected: String) -> Bool {
        comparison.accepts(Array(found.utf8), expected: Array(expected.utf8))
    }

    @Test(
        arguments: both,
        [
            ("1 2\n3\n", " 1  2 \r\n\n3", true), ("1 2", "1", false), ("", "\n", true), ("", "0", false),
            // Integers exactly, whatever their length and however they are written.
            ("1000000", "1000001", false), ("123456000.0", "123456789", false), ("123456789.0", "123456789", true),
            ("007", "7", true), ("-0", "0", true), ("+5", "5", true), ("1e3", "1000", true), ("3.000001", "3", false),
            ("123456789012345678901234567890", "123456789012345678901234567891", false),
            ("9007199254740993", "9007199254740992", false), ("100000000000000000000.0", "100000000000000000000", true),
            // Fractions with a tolerance.
            ("0.3333333", "0.333333333", true), ("0.34", "0.333333333", false), ("1", "0.999999999", true),
            (".5", "0.50", true), ("5.", "5.0", true), ("-0.5", "0.5", false), ("1e-3", "0.001", true),
            // No numbers.
            ("nan", "0.5", false), ("inf", "1e999", false), ("0x10", "16", false), ("0x1p3", "8.0", false),
            ("1_0", "10", false),
            ("", ".", false), ("e", "1e", false), ("1.2.3", "1.23", false),
            // By bytes.
            ("caf\u{E9}", "cafe\u{301}", false), ("é", "é", true), ("a\u{A0}b", "a b", false),
        ])
    func outputsAreComparedByWordsAndFractionsToTheirLastDigits(
        comparison: OutputComparison, texts: (found: String, expected: String, isSame: Bool)
    ) {
        #expect(accepts(comparison, texts.found, texts.expected) == texts.isSame)
    }

    @Test func linesCountForAPPSAndCaseDoesNotForCodeContests() {
        #expect(!accepts(.lines, "1 2", "1\n2") && accepts(.words, "1 2", "1\n2"))
        #expect(!accepts(.lines, "YES", "Yes") && accepts(.words, "YES", "Yes"))
        #expect(!accepts(.words, "É", "é"))
        // A tolerance relative to the number, and an absolute one.
        #expect(accepts(.lines, "1000000.5", "1000000.0") && !accepts(.words, "1000000.5", "1000000.0"))
        #expect(!accepts(.lines, "0.000001", "0.0000011") && accepts(.words, "0.000001", "0.0000011"))
    }

    @Test func bytesThatAreNotUTF8EqualNoReplacementCharacter() {
        #expect(!OutputComparison.words.accepts([0xFF], expected: Array("\u{FFFD}".utf8)))
    }
}
