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
            // The name is the prompt's last word and the answer; the text before holds the whole name.
            let first = try #require(question.prompt.split(separator: " ").last)
            let name = String(first + question.answer)
            let before = question.prompt.dropLast(first.count)
            #expect(before.contains(" \(name)"), "\(question)")
            let tokens = tokenizer.encode(question.prompt + question.answer)
            #expect(tokenizer.decode(tokens.dropLast()) == Array(question.prompt.utf8))
            #expect(tokenizer.encode(" " + name).count == (tokenizer.encode(" " + first).count) + 1)
        }
    }

    @Test(arguments: [0, 1]) func namesOfTestsAreInNoTrainingTextThoughTheirPartsAre(index: Int) throws {
        let task = try InductionTask(tokenizer: Self.tokenizers[index], stories: 30)
        var generator = SeededGenerator(seed: 9)
        let training = (0..<2000).map { _ in task.document(isValidation: false, using: &generator) }.joined(
            separator: "\n")
        var again = SeededGenerator(seed: 9)
        #expect(task.document(isValidation: false, using: &again) == training.prefix { $0 != "\n" })
        let words = Set(training.split { !$0.isLetter })
        var firsts = 0
        let questions = try task.test(seed: 0)
        #expect(try questions == task.test(seed: 0))
        for question in questions {
            let first = String(try #require(question.prompt.split(separator: " ").last))
            #expect(!words.contains(Substring(first + question.answer)))
            firsts += words.contains { $0.hasPrefix(first) } ? 1 : 0
        }
        #expect(firsts == questions.count)
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
