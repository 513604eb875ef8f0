import ForetokenDecoding
import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

@testable import ForetokenEvaluation

@ComputeActor
struct ChoiceEvaluationTests {
    private static func network(_ kind: HeadKind = .parallel, context: Int = 48, beginning: Int32? = 256) throws
        -> MultiTokenModel
    {
        try MultiTokenModel(
            ModelConfiguration(
                vocabulary: 258, width: 32, layers: 5, attentionHeads: 4, keyValueHeads: 2, headDimension: 8,
                feedForwardWidth: 48, heads: 3, headKind: kind, contextLength: context, beginningOfText: beginning,
                endOfText: 257), seed: 3)
    }

    /// The sum of the log-probabilities of `tokens` from `start` on, by the trainable network and float64.
    private func logLikelihood(_ network: MultiTokenModel, _ tokens: [Int32], from start: Int) -> Double {
        let inputs = tokens.dropLast()
        let logits: [Float] = withoutGradient {
            network.allLogits(Tensor(inputs.map(Int64.init), shape: [1, inputs.count]))[0].reshaped(-1).elements()
        }
        let vocabulary = network.configuration.vocabulary
        return (start..<tokens.count).reduce(0) { sum, position in
            let row = logits[(position - 1) * vocabulary..<position * vocabulary].map(Double.init)
            let peak = row.max() ?? 0
            return sum + row[Int(tokens[position])] - peak - log(row.reduce(0) { $0 + exp($1 - peak) })
        }
    }

    private func scores(
        _ questions: [ChoiceQuestion], _ network: MultiTokenModel, delimiter: String = "", to out: URL? = nil,
        digest: String = "", stopAfter: Int = .max
    ) throws -> [[Double]]? {
        try ChoiceEvaluation(
            questions, model: DecodeModel(reading: network), modelDigest: digest, tokenizer: ByteTokenizer(),
            delimiter: delimiter
        ).run(to: out) { done, _ in done < stopAfter }
    }

    @Test(arguments: [HeadKind.parallel, .anticausal])
    func logLikelihoodsAreThoseOfTheNetwork(kind: HeadKind) throws {
        let network = try Self.network(kind, context: 100)
        let long = String(repeating: "0123456789", count: 8)
        let questions = [
            ChoiceQuestion(context: "Snow is", choices: [" white", " black", " é"], answer: 0),
            // White space at the end counts to the choice.
            ChoiceQuestion(context: "Snow is \n", choices: ["white", "black and cold"], answer: 1),
            ChoiceQuestion(context: "", choices: ["a", "b"], answer: 1),
            // More rows than one pass takes.
            ChoiceQuestion(context: long, choices: ["9", "8"], answer: 1),
            // The first choice leaves no room for the whole context, the second does.
            ChoiceQuestion(context: long, choices: [String(long.prefix(60)), "8"], answer: 1),
        ]
        let found = try #require(try scores(questions, network))
        for (question, values) in zip(questions, found) {
            for (choice, value) in zip(question.choices, values) {
                let context = question.context.replacing(/\s+$/, with: "")
                let whole = [256] + (question.context + choice).utf8.map(Int32.init)
                // A sequence of as many tokens as the model's context, and one more that is only predicted.
                let cut = max(0, whole.count - 101)
                let expected = logLikelihood(
                    network, Array(whole.dropFirst(cut)), from: 1 + context.utf8.count - cut)
                // float32 sums in another order, over up to 60 tokens.
                #expect(abs(value - expected) < 2e-4, "\(choice): \(value), not \(expected)")
            }
        }
    }

    @Test func aDelimiterStandsBeforeTheChoiceAndAnEmptyContextBeginsWithTheEndToken() throws {
        let network = try Self.network(beginning: nil)
        let question = ChoiceQuestion(context: "ab", choices: ["c", "d"], answer: 0)
        let spaced = ChoiceQuestion(context: "ab", choices: [" c", " d"], answer: 0)
        #expect(try scores([question], network, delimiter: " ") == scores([spaced], network))
        let empty = try scores([ChoiceQuestion(context: "", choices: ["c", "d"], answer: 0)], network)
        #expect(abs((empty?[0][0] ?? 0) - logLikelihood(network, [257, 99], from: 1)) < 1e-5)
    }

    @Test func scoresAreResumedAndAnotherModelsFileIsRefused() throws {
        let folder = try Folder()
        let network = try Self.network()
        let questions = (0..<6).map { ChoiceQuestion(context: "\($0)", choices: ["a", "bc"], answer: $0 % 2) }
        let whole = try scores(questions, network)
        let out = folder.url.appendingPathComponent("s.jsonl")
        #expect(try scores(questions, network, to: out, stopAfter: 3) == nil)
        let text = try Data(contentsOf: out)
        #expect(text.count { $0 == 0x0A } == 3)
        try text.dropLast(10).write(to: out)
        #expect(try scores(questions, network, to: out) == whole)
        #expect(try scores(questions, network, to: out) == whole)
        #expect(throws: ResultsFileError.self) { try scores(questions, network, to: out, digest: "b") }
        #expect(throws: ResultsFileError.self) { try scores(questions, network, delimiter: " ", to: out) }
    }

    @Test func aChoiceLongerThanTheContextIsSaidBeforeTheFirstScore() throws {
        let long = String(repeating: "x", count: 49)
        let question = ChoiceQuestion(context: "", choices: ["a", long], answer: 0)
        let error = #expect(throws: EvaluationError.self) { try scores([question], Self.network()) }
        #expect(error?.description.contains("question 1 has 49 tokens") == true)
    }

    @Test(arguments: [
        "", "{", "[]", #"{"context": "a"}"#, #"{"context": "a", "choices": ["b"], "answer": 0}"#,
        #"{"context": "a", "choices": ["b", ""], "answer": 0}"#,
        #"{"context": "a", "choices": ["b", "c"], "answer": 2}"#,
        #"{"context": "a", "choices": ["b", "c"], "answer": -1}"#, #"{"choices": ["b", "c"], "answer": 1}"#,
    ])
    nonisolated func aFileOfNoQuestionsIsRefusedByName(text: String) throws {
        let folder = try Folder()
        let error = #expect(throws: EvaluationError.self) { try ChoiceQuestion.read(folder.file("q.jsonl", text)) }
        #expect(error?.description.contains("q.jsonl") == true)
    }

    @Test nonisolated func accuracyIsCountedByTotalPerByteAndPerCharacter() throws {
        let questions = [
            // By total the first, per byte and character the second.
            ChoiceQuestion(context: "", choices: ["a", "bcd"], answer: 0),
            // Two bytes a character: per byte the second, per character the first.
            ChoiceQuestion(context: "", choices: ["abcd", "ééé"], answer: 1),
            // Equal ones: the first.
            ChoiceQuestion(context: "", choices: ["a", "b"], answer: 0),
            ChoiceQuestion(context: "", choices: ["a", "b"], answer: 1),
        ]
        let summary = ChoiceSummary(
            questions, logLikelihoods: [[-2, -3], [-4, -5], [-1, -1], [-1, -1]])
        #expect(summary.accuracies[.none]?.value == 0.5)
        #expect(summary.accuracies[.bytes]?.value == 0.5)
        #expect(summary.accuracies[.characters]?.value == 0.25)
        #expect(
            try JSONValue.object(summary.json).text().hasPrefix(#"{"questions":4,"accuracy":0.5,"accuracy interval":["#)
        )
    }
}
