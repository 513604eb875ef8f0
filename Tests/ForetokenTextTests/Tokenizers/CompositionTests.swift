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
}
