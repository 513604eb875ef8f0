import ForetokenText
import Testing

@testable import ForetokenEvaluation

struct InductionTaskTests {
    static let tokenizers: [any Tokenizer] = [
        ByteTokenizer(), (try? InductionTask.trainTokenizer(vocabulary: 600)) ?? ByteTokenizer(),
    ]

    @Test func aTrainedTokenizerIsNoByteTokenizer() {
        #expect(Self.tokenizers[1].vocabularySize == 600)
    }

    @Test(arguments: [0, 1]) func aQuestionAsksForTheSecondOfExactlyTwoTokens(index: Int) throws {
        let tokenizer = Self.tokenizers[index]
        let questions = try InductionTask(tokenizer: tokenizer, stories: 20).test(seed: 0)
        #expect(Set(questions.map(\.unit)).count == 20)
        for question in questions {
            #expect(tokenizer.encode(question.answer).count == 1)
            // The name is the prompt's last word plus the answer; the text before contains the whole name.
            let first = try #require(question.prompt.split(separator: " ").last)
            let name = String(first + question.answer)
            let before = question.prompt.dropLast(first.count)
            #expect(before.contains(" \(name)"), "\(question)")
            let tokens = tokenizer.encode(question.prompt + question.answer)
            #expect(tokenizer.decode(tokens.dropLast()) == Array(question.prompt.utf8))
            #expect(tokenizer.encode(" " + name).count == (tokenizer.encode(" " + first).count) + 1)
        }
    }

    /// Predicting the second token from the first with the statistics of all training texts is hardly ever correct.
    @Test(arguments: [0, 1]) func aNamesFirstTokenSaysNothingOfItsSecond(index: Int) throws {
        let task = try InductionTask(tokenizer: Self.tokenizers[index], stories: 100)
        func texts(_ seed: UInt64) -> [String] {
            var generator = SeededGenerator(seed: seed, for: "train")
            return (0..<2000).map { _ in task.document(isValidation: false, using: &generator) }
        }
        let training = texts(0)
        #expect(training == texts(0) && training != texts(1))
        let questions = try task.test(seed: 0)
        #expect(try questions == task.test(seed: 0))
        let words = training.flatMap { $0.split { !$0.isLetter } }.filter { $0.first?.isUppercase == true }
        var followers: [Substring: [Substring: Int]] = [:]
        let length = try #require(questions.first).answer.count
        for word in words where word.count == 2 * length {
            followers[word.prefix(length), default: [:]][word.suffix(length), default: 0] += 1
        }
        let right = questions.count { question in
            let first = question.prompt.split(separator: " ").last ?? ""
            // Ties are broken the same way in every process.
            return followers[first]?.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key == Substring(question.answer)
        }
        #expect(followers.count > 10 && Double(right) / Double(questions.count) < 0.1, "\(right)")
        let stories = Set(questions.map { String($0.prompt.prefix(90)) })
        #expect(training.allSatisfy { !stories.contains(String($0.prefix(90))) })
    }

    @Test func aTokenizerWithoutNamesOfTwoTokensIsRefused() {
        struct Letters: Tokenizer {
            let name = "halves"
            let vocabularySize = 258
            let beginningOfText: Int32? = nil
            let endOfText: Int32? = nil
            let digest = ""
            let definition: [UInt8] = []
            func encode(_ bytes: [UInt8]) -> [Int32] { bytes.flatMap { [Int32($0 >> 4), Int32($0 & 15)] } }
            func bytes(of token: Int32) -> [UInt8] { [UInt8(token)] }
        }
        let error = #expect(throws: EvaluationError.self) { try InductionTask(tokenizer: Letters()) }
        #expect(error?.description.contains("halves") == true)
    }
}
