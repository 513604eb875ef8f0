import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// NFC compared with Python's unicodedata (Fixtures/tokenizers/make_normalization.py).
@Suite struct CompositionTests {
    private static func composed(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return String(decoding: bytes.withUnsafeBufferPointer(CanonicalComposition.compose) ?? bytes, as: UTF8.self)
    }

    /// Whether Hugging Face's normalizer supports all characters of a text: Unicode 9, and not reordered since.
    private static func isKnown(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            guard let age = scalar.properties.age else { return false }
            return age <= (major: 9, minor: 0) && scalar.value != 0x1715
        }
    }

    private static func pairs(_ key: String) throws -> [(text: String, expected: String)] {
        try JSONNode(contentsOf: TokenizerFixtures.url("normalization.json"))[key].array().map { pair in
            (try pair.array()[0].string(), try pair.array()[1].string())
        }
    }

    @Test func everyCharacterBecomesWhatUnicodeSays() throws {
        var changes: [UInt32: String] = [:]
        for (text, expected) in try Self.pairs("characters") {
            changes[try #require(text.unicodeScalars.first).value] = expected
        }
        #expect(changes.count > 1000)
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), Self.isKnown(String(scalar)) else { continue }
            let expected = changes[value] ?? String(scalar)
            // Compared as bytes, because Swift compares strings by their normal form.
            let isSame = Self.composed(String(scalar)).utf8.elementsEqual(expected.utf8)
            if !isSame { Issue.record("U+\(String(value, radix: 16))") }
        }
    }

    @Test func randomTextsBecomeWhatUnicodeSays() throws {
        var compared = 0
        for (text, expected) in try Self.pairs("texts") where Self.isKnown(text) {
            compared += 1
            #expect(
                Self.composed(text).utf8.elementsEqual(expected.utf8),
                "\(text.unicodeScalars.map { String($0.value, radix: 16) })")
        }
        #expect(compared > 500)
    }

    /// U+1113 and U+1166 are no syllable, though they are next to those that are.
    @Test func charactersBesideTheBoundsOfHangulStay() {
        for text in [
            "\u{1113}\u{1166}", "\u{1100}\u{1160}", "\u{1100}\u{1176}", "\u{AC00}\u{11A7}", "\u{AC00}\u{11C3}",
        ] {
            #expect(Self.composed(text).utf8.elementsEqual(text.utf8))
        }
        #expect(Self.composed("\u{1112}\u{1175}\u{11C2}").utf8.elementsEqual("\u{D7A3}".utf8))
        #expect(Self.composed("\u{1100}\u{301}\u{1161}").utf8.elementsEqual("\u{1100}\u{301}\u{1161}".utf8))
        #expect(Self.composed("e\u{1100}\u{1161}e\u{301}").utf8.elementsEqual("e\u{AC00}\u{E9}".utf8))
    }

    /// The texts of compositions.json in the order of make_normalization.py.
    private static func texts(
        _ name: String, _ firsts: [UInt32], _ seconds: [UInt32], _ body: ([UInt32]) -> Void
    ) {
        let jamo = [0x10FF..<0x1115, 0x115F..<0x1178, 0x11A6..<0x11C5] as [Range<UInt32>]
        switch name {
        case "pairs": for first in firsts { for second in seconds { body([first, second]) } }
        case "triples":
            for first in firsts {
                for (index, second) in seconds.enumerated() where (first + UInt32(index)) % 41 == 0 {
                    for third in seconds { body([first, second, third]) }
                }
            }
        case "jamo": for l in jamo[0] { for v in jamo[1] { for t in jamo[2] { body([l, v, t]) } } }
        case "syllables": for s in UInt32(0xABFF)..<0xD7A5 { for t in jamo[2] { body([s, t]) } }
        default: for l in UInt32(0x10F8)..<0x1208 { for r in UInt32(0x10F8)..<0x1208 { body([l, r]) } }
        }
    }

    @Test(arguments: ["pairs", "triples", "jamo", "syllables", "any"])
    func allThatComposesComposesAsInHuggingFacesLibrary(kind: String) throws {
        let fixture = try JSONNode(contentsOf: TokenizerFixtures.url("compositions.json"))
        func characters(_ key: String) throws -> [UInt32] { try fixture[key].array().map { UInt32(try $0.integer()) } }
        var (count, all): (Int, [UInt8]) = (0, [])
        Self.texts(kind, try characters("firsts"), try characters("seconds")) { characters in
            var text = String.UnicodeScalarView()
            text.append(contentsOf: characters.compactMap(Unicode.Scalar.init))
            let bytes = Array(String(text).utf8)
            all += bytes.withUnsafeBufferPointer(CanonicalComposition.compose) ?? bytes
            all.append(UInt8(ascii: "\n"))
            count += 1
        }
        #expect(try count == fixture[kind]["count"].integer())
        #expect(try SHA256.hex(of: all) == fixture[kind]["sha256"].string())
    }
}
