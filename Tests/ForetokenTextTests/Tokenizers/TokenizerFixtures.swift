import ForetokenFiles
import Foundation

@testable import ForetokenText

/// What `make_fixtures.py` wrote with Hugging Face's library.
enum TokenizerFixtures {
    static let families = ["gpt2", "llama3", "qwen2"]

    static func url(_ name: String) -> URL {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures/tokenizers/\(name)")
    }

    static func bytes(_ name: String) throws -> [UInt8] { try Array(Data(contentsOf: url(name))) }

    static func tokenizer(_ family: String) throws -> BytePairTokenizer {
        try BytePairTokenizer(parsing: bytes("\(family).json"), file: "\(family).json")
    }

    struct Case: Sendable {
        let name: String
        let text: String
        let tokens: [String: [Int32]]
    }

    static func cases() throws -> [Case] {
        try JSONNode(contentsOf: url("cases.json")).array().map { node in
            var tokens: [String: [Int32]] = [:]
            for key in try node.object().keys where key != "name" && key != "text" {
                tokens[key] = try node[key].array().map { Int32(try $0.integer()) }
            }
            return Case(name: try node["name"].string(), text: try node["text"].string(), tokens: tokens)
        }
    }
}

/// Reproducible randomness (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
