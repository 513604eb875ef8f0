import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// Opt-in: FORETOKEN_TOKENIZERS names a folder that Fixtures/tokenizers/make_comparison.py has filled.
@Suite(.enabled(if: comparisonFolder != nil, "set FORETOKEN_TOKENIZERS to a folder of make_comparison.py"))
struct LargeTokenizerTests {
    static let names: [String] = {
        let files = comparisonFolder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
        return files.filter { $0.hasSuffix(".ids") }.map { String($0.dropLast(4)) }.sorted()
    }()

    @Test(arguments: names) func tokensEqualHuggingFaces(name: String) throws {
        let folder = try #require(comparisonFolder)
        func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
        let texts = try JSONNode(contentsOf: file("texts.json")).array().map { Array(try $0.string().utf8) }
        let isThere = FileManager.default.fileExists(atPath: file("\(name).json").path)
        let tokenizer = try TokenizerFile.read(file("\(name).\(isThere ? "json" : "tiktoken")"))
        let ids = try JSONNode(contentsOf: file("\(name).ids"))
        func tokens(_ node: JSONNode) throws -> [Int32] { try node.array().map { Int32(try $0.integer()) } }
        for (key, special) in [("text", SpecialTokens.asText), ("special", .parsed), ("special", .parsedOutside([]))] {
            var differences = 0
            for (text, node) in zip(texts, try ids[key].array()) {
                let (ours, theirs) = (tokenizer.encode(text, specialTokens: special), try tokens(node))
                if ours != theirs, differences < 3 {
                    Issue.record(
                        "\(name) \(key): \(String(decoding: text, as: UTF8.self).debugDescription): \(ours), \(theirs)")
                }
                if ours != theirs { differences += 1 }
            }
            #expect(differences == 0, "\(name) \(key): \(differences) of \(texts.count) texts")
        }
        #expect(texts.count > 1000)
        guard isThere else { return }
        let framing = tokenizer.framing
        #expect(try framing.before + tokens(ids["x"]) + framing.after == tokens(ids["framed"]))
    }

    static let golden: [String] = {
        let files = comparisonFolder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? []
        return files.filter { $0.hasSuffix(".inp") }.map { String($0.dropLast(4)) }.sorted()
    }()

    /// llama.cpp's `ggml-vocab-NAME.gguf.inp` and `.out` as NAME.inp and NAME.out beside NAME.json.
    @Test(arguments: golden) func tokensEqualLlamaCppsGoldens(name: String) throws {
        let folder = try #require(comparisonFolder)
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
        }
        let tokenizer = try TokenizerFile.read(folder.appendingPathComponent("\(name).json"))
        let texts = try text("\(name).inp").components(separatedBy: "\n__ggml_vocab_test__\n")
        let lines = try text("\(name).out").components(separatedBy: "\n").dropLast()
        #expect(lines.count > 40)
        for (text, line) in zip(texts, lines) {
            #expect(
                tokenizer.encode(text) == line.split(separator: " ").compactMap { Int32($0) },
                "\(text.debugDescription)")
        }
    }
}

private let comparisonFolder = ProcessInfo.processInfo.environment["FORETOKEN_TOKENIZERS"].map {
    URL(fileURLWithPath: $0)
}
