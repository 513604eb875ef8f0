import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

@Suite struct BytePairTrainingTests {
    /// The merges of a tokenizer file.
    private func merges(_ definition: [UInt8]) throws -> [[String]] {
        let value = try definition.withUnsafeBytes { try JSONValue(parsing: $0, file: "x") }
        return try JSONNode(value, file: "x")["model"]["merges"].array().map { merge in
            if case .string(let text) = merge.value { return text.split(separator: " ").map(String.init) }
            return try merge.array().map { try $0.string() }
        }
    }

    /// gpt2.json was trained by Hugging Face's trainer on corpus.txt with these settings.
    @Test func mergesAreThoseOfHuggingFacesTrainer() throws {
        var training = try BytePairTraining(vocabularySize: 702, preTokenizer: .gpt2)
        training.add(try TokenizerFixtures.bytes("corpus.txt"))
        let trained = try training.train()
        #expect(trained.vocabularySize == 702)
        let (ours, theirs) = (try merges(trained.definition), try merges(TokenizerFixtures.bytes("gpt2.json")))
        let difference = zip(ours, theirs).enumerated().first { $1.0 != $1.1 }
        #expect(ours == theirs, "\(String(describing: difference))")
    }

    @Test(arguments: PreTokenizer.allCases)
    func theResultDoesNotDependOnTheOrderOfDocuments(preTokenizer: PreTokenizer) throws {
        let documents = try TokenizerFixtures.cases().map { Array($0.text.utf8.prefix(400)) }
        func train(_ documents: [[UInt8]]) throws -> BytePairTokenizer {
            var training = try BytePairTraining(vocabularySize: 400, preTokenizer: preTokenizer)
            for document in documents { training.add(document) }
            return try training.train()
        }
        let (forward, backward) = (try train(documents), try train(documents.reversed()))
        #expect(forward.definition == backward.definition)
        #expect(forward.preTokenizer == preTokenizer)
        for document in documents { #expect(forward.decode(forward.encode(document)) == document) }
    }

    /// The reference recounts all pairs before each merge.
    @Test func mergesAreThoseOfRecounting() throws {
        var generator = SplitMix64(seed: 4)
        for _ in 0..<20 {
            var text: [UInt8] = []
            for _ in 0..<200 { text.append("aaab b".utf8.randomElement(using: &generator) ?? 0) }
            var training = try BytePairTraining(vocabularySize: 280, preTokenizer: .gpt2)
            training.add(text)
            let tokenizer = try training.train()

            var words = PreTokenizer.gpt2.words(of: text).map { text[$0].map { [$0] } }
            var known = ByteAlphabet.order.map { [$0] }
            var expected: [[String]] = []
            while known.count < 278 {
                var counts: [[[UInt8]]: Int] = [:]
                for word in words {
                    for pair in zip(word, word.dropFirst()) { counts[[pair.0, pair.1], default: 0] += 1 }
                }
                func order(_ pair: [[UInt8]]) -> (Int, Int) {
                    (known.firstIndex(of: pair[0]) ?? 0, known.firstIndex(of: pair[1]) ?? 0)
                }
                guard
                    let best = counts.max(by: {
                        ($0.value, order($1.key).0, order($1.key).1) < ($1.value, order($0.key).0, order($0.key).1)
                    }),
                    best.value >= 2
                else { break }
                expected.append(best.key.map { ByteAlphabet.text(of: $0) })
                if !known.contains(best.key[0] + best.key[1]) { known.append(best.key[0] + best.key[1]) }
                words = words.map { word in
                    var merged: [[UInt8]] = []
                    var index = 0
                    while index < word.count {
                        if index + 1 < word.count, word[index] == best.key[0], word[index + 1] == best.key[1] {
                            merged.append(word[index] + word[index + 1])
                            index += 2
                        } else {
                            merged.append(word[index])
                            index += 1
                        }
                    }
                    return merged
                }
            }
            #expect(try merges(tokenizer.definition) == expected)
        }
    }

    @Test func impossibleSizesAreRefusedAndLittleTextEndsEarly() throws {
        for size in [0, 257, -1, 5_000_000] {
            #expect(throws: TokenizerError.self) { try BytePairTraining(vocabularySize: size) }
        }
        var training = try BytePairTraining(vocabularySize: 5000)
        training.add(Array("abab".utf8))
        #expect(try training.train().vocabularySize == 259)
    }

    /// Opt-in: FORETOKEN_PYTHON names a Python with tokenizers.
    @Test(.enabled(if: python != nil, "set FORETOKEN_PYTHON to a Python with tokenizers"))
    func huggingFacesLibraryLoadsTheFileAndAgrees() throws {
        let folder = try TemporaryFolder()
        let texts = folder.url.appendingPathComponent("texts.json")
        let cases = try TokenizerFixtures.cases()
        try JSONValue.array(cases.map { .string($0.text) }).write(to: texts)
        var tokenizers: [any Tokenizer] = [ByteTokenizer()]
        for kind in PreTokenizer.allCases {
            var training = try BytePairTraining(vocabularySize: 600, preTokenizer: kind)
            for test in cases.prefix(20) { training.add(Array(test.text.utf8)) }
            tokenizers.append(try training.train())
        }
        let script = """
            import json, sys
            from tokenizers import Tokenizer
            tokenizer = Tokenizer.from_file(sys.argv[1])
            tokenizer.encode_special_tokens = True
            texts = json.load(open(sys.argv[2]))
            ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
            assert all(tokenizer.decode(i, skip_special_tokens=False) == t for i, t in zip(ids, texts))
            begin = tokenizer.token_to_id("<|begin_of_text|>")
            assert tokenizer.encode("x").ids[0] == begin == tokenizer.get_vocab_size() - 2
            json.dump(ids, open(sys.argv[3], "w"))
            """
        for tokenizer in tokenizers {
            try TokenizerFile.write(tokenizer, to: folder.url)
            let output = folder.url.appendingPathComponent("ids.json")
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.python))
            process.arguments = [
                "-c", script, folder.url.appendingPathComponent(TokenizerFile.name).path, texts.path, output.path,
            ]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let ids = try JSONNode(contentsOf: output).array().map { try $0.array().map { Int32(try $0.integer()) } }
            #expect(ids == cases.map { tokenizer.encode($0.text) }, "\(tokenizer.name)")
        }
    }

    private static let python = ProcessInfo.processInfo.environment["FORETOKEN_PYTHON"]
}
