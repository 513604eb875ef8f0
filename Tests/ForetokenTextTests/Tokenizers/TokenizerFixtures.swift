import ForetokenFiles
import Foundation

@testable import ForetokenText

/// Fixtures that `make_fixtures.py` created with Hugging Face's library.
enum TokenizerFixtures {
    static let families = ["gpt2", "llama3", "qwen2", "smollm"]

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
