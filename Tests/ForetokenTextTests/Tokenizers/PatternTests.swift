import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// Pre-tokenizers that are given as patterns, against Hugging Face's library (Fixtures/tokenizers/make_patterns.py).
@Suite struct PatternTests {
    private static let fixture = Result { try JSONNode(contentsOf: TokenizerFixtures.url("patterns.json")) }

    @Test func wordsEqualHuggingFaces() throws {
        let fixture = try Self.fixture.get()
        let texts = try fixture["texts"].array().map { Array(try $0.string().utf8) }
        let cases = try fixture["cases"].array()
        #expect(texts.count > 40 && cases.count > 15)
        for test in cases {
            let (name, preTokenizer) = (try test["name"].string(), try PreTokenizer(test["pre_tokenizer"]))
            let again = try PreTokenizer(JSONNode(preTokenizer.definition, file: "t"))
            #expect(again == preTokenizer)
            var prefixesSpace = false
            if case .steps(let steps) = preTokenizer { prefixesSpace = steps.prefixesSpace }
            for (text, words) in zip(texts, try test["words"].array()) {
                let isPrefixed = prefixesSpace && !text.isEmpty && text.first != 0x20
                let found = preTokenizer.words(of: isPrefixed ? [0x20] + text : text)
                let expected = try words.array().map { try $0.integer() }
                #expect(found.map(\.count) == expected, "\(name): \(text.debugText)")
                // In order, without gaps.
                #expect(found.first?.lowerBound ?? 0 == 0)
                #expect(zip(found, found.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            }
        }
    }

    @Test func everyNamedPreTokenizerIsReadFromItsDefinition() throws {
        for kind in PreTokenizer.allCases {
            #expect(try PreTokenizer(JSONNode(kind.definition, file: "t")) == kind)
            #expect(PreTokenizer(rawValue: kind.rawValue) == kind)
        }
        #expect(PreTokenizer(rawValue: "other") == nil)
        // None of their patterns is refused.
        #expect(PreTokenizer.deepseekllm.steps?.before.count == 6 && PreTokenizer.deepseek3.steps?.before.count == 3)
        #expect(PreTokenizer.deepseekcoder.steps?.before.count == 5 && PreTokenizer.bloom.steps?.before.count == 1)
        #expect(PreTokenizer.falcon.steps?.after.count == 2)
    }

    /// What a scanner of its own does is what its pattern says.
    @Test func scannersEqualTheirPatterns() throws {
        let texts = try Self.fixture.get()["texts"].array().map { Array(try $0.string().utf8) }
        for kind in PreTokenizer.allCases {
            for pattern in kind.patterns {
                let steps = PreTokenizerSteps(before: [.init(rule: .pattern(try WordPattern(pattern)))])
                for text in texts {
                    #expect(
                        PreTokenizer.steps(steps).words(of: text) == kind.words(of: text), "\(kind): \(text.debugText)")
                }
            }
        }
    }

    @Test func classesEqualHuggingFaces() throws {
        func digest(_ value: (UInt32) -> Int) -> String {
            var (text, last) = ("", -1)
            for character in 0...UInt32(0x10FFFF) {
                let number = (0xD800..<0xE000).contains(character) ? 0 : value(character)
                if number != last { text += "\(String(character, radix: 16, uppercase: true)) \(number)\n" }
                last = number
            }
            return SHA256.hex(of: Array(text.utf8))
        }
        let classes = try Self.fixture.get()["classes"]
        let names = [
            "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
            "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn",
        ]
        var numbers: [UInt32: Int] = [:]
        for (number, name) in names.enumerated() {
            numbers[try #require(GeneralCategories.mask(of: name))] = number + 1
        }
        let categories = try classes["categories"].string()
        #expect(digest { numbers[GeneralCategories.bit(of: $0)] ?? 0 } == categories)
        for (name, rule) in [
            ("space", CharacterRule.space), ("word", .word), ("punctuation", .punctuation), ("digits", .numeric),
            ("decimal", .categories(try #require(GeneralCategories.mask(of: "Nd")))),
        ] {
            let expected = try classes[name].string()
            #expect(digest { rule.contains($0) ? 1 : 0 } == expected, "\(name)")
        }
    }

    @Test(arguments: [
        ("(a", "'(' without"), ("a)", "')'"), ("[a", "ends early"), ("[]a]", "']'"), ("a{", "'{'"), ("*a", "'*'"),
        ("a{2,1}", "{2,1}"), ("a{2}?", "'{…}?'"), ("(a*)*", "may be empty"), ("(?=a)+", "may be empty"),
        (#"(a)\1"#, #"'\1'"#), ("(?<=a)b", "'(?<='"), ("(?<n>a)", "'(?<n'"), ("(?i)a", "'(?i)'"),
        ("(?i:[a-z])", "a class"),
        ("(?i:é)", "without regard to case"), ("(?i:off)", "'ff'"), (#"\p{Han}"#, #"\p{Han}"#),
        (#"\pL"#, "without a name"),
        (#"\h"#, #"'\h'"#), (#"\X"#, #"'\X'"#), ("[[:alpha:]]", "[:"), ("[z-a]", "range"), (#"[\d-z]"#, "range"),
        (#"\x{110000}"#, "hexadecimal"), (#"\u12"#, "hexadecimal"), ("a{100000}", "99999"),
        ("(a|b){9999}{9999}", "too large"),
        (String(repeating: "(", count: 60) + "a" + String(repeating: ")", count: 60), "groups"),
        (String(repeating: "a", count: 20_001), "20000 characters"), ("\\", "ends early"), ("", ""),
    ])
    func otherPatternsAreRefusedByWhatIsNotSupported(pattern: String, reason: String) {
        do throws(PatternError) {
            _ = try WordPattern(pattern)
            #expect(reason.isEmpty, "\(pattern.prefix(50)) is accepted")
        } catch {
            #expect(!reason.isEmpty && error.reason.contains(reason), "\(pattern.prefix(50)): \(error.reason)")
        }
    }

    /// Patterns on which backtracking alone takes exponential time.
    @Test(arguments: ["(?:a+)+b", "(?:a|aa)+b", "(?:(?:a|b)+c?)+d", "(?:a+(?=a*c))+b", "(?>(?:a|aa)+b)|a"])
    func noPatternTakesExponentialTime(pattern: String) throws {
        let steps = PreTokenizerSteps(before: [.init(rule: .pattern(try WordPattern(pattern)))])
        let text = [UInt8](repeating: 0x61, count: 60)
        #expect(PreTokenizer.steps(steps).words(of: text).map(\.count).reduce(0, +) == 60)
    }

    @Test func randomPatternsNeitherTrapNorLoseBytes() throws {
        var generator = SplitMix64(seed: 9)
        let pieces = [
            "a", "b", "é", " ", "\\s", "\\S", "\\p{L}", "\\d", "[a-c]", "[^ab]", "(", "(?:", "(?!", "(?=", "(?>", ")",
            ")",
            "|", "*", "+", "?", "{2}", "{1,3}", "+?", "*+", "^", "$", "\\b", "\\z", ".", "[", "]", "&&", "-", "\\",
        ]
        let texts =
            ["ab aabé  c1\n b", "", "aaaa", " \n\n "].map { Array($0.utf8) } + [[0x61, 0xFF, 0xE2, 0x82, 0x20, 0xC3]]
        var accepted = 0
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...9, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            guard let pattern = try? WordPattern(text) else { continue }
            accepted += 1
            for behavior in [PreTokenizerSteps.Behavior.isolated, .mergedWithNext] {
                let steps = PreTokenizerSteps(before: [.init(rule: .pattern(pattern), behavior: behavior)])
                for text in texts {
                    let words = PreTokenizer.steps(steps).words(of: text)
                    #expect(words.flatMap { Array(text[$0]) } == text && words.allSatisfy { !$0.isEmpty })
                }
            }
        }
        #expect(accepted > 2000)
    }
}

extension [UInt8] {
    fileprivate var debugText: String { String(decoding: self, as: UTF8.self).debugDescription }
}
