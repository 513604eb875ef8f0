import ForetokenFiles
import ForetokenReport
import Foundation
import Testing

@testable import ForetokenEvaluation

/// Against what `rouge-score`, NLTK and Python's `re` say; see Tests/Fixtures/Text.
struct TextMetricTests {
    private static let fixtures = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/Text")

    private static func lines(_ name: String) throws -> [JSONNode] {
        var nodes: [JSONNode] = []
        try JSONLines.read(fixtures.appendingPathComponent(name)) { node, _ in nodes.append(node) }
        return nodes
    }

    @Test(arguments: [false, true])
    func rougeEqualsRougeScoreToTheLastBit(stems: Bool) throws {
        let lines = try Self.lines("rouge.jsonl")
        #expect(lines.count >= 200)
        let rouge = Rouge(stems: stems)
        for line in lines {
            let references = try line["references"].array().map { try $0.string() }
            let completion = try line["completion"].string()
            for (kind, expected) in zip(Rouge.Kind.all, try line[stems ? "stemmed" : "plain"].array()) {
                let score = rouge.score(completion, references: references, kind)
                let values = try expected.array().map { try $0.double() }
                #expect(
                    [score.precision, score.recall, score.f] == values, "\(kind.name) of \(completion.debugDescription)"
                )
            }
        }
    }

    @Test func stemsAreThoseOfNLTK() throws {
        let text = try String(contentsOf: Self.fixtures.appendingPathComponent("stems.txt"), encoding: .utf8)
        let pairs = text.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(pairs.count > 1000)
        for pair in pairs {
            #expect(String(decoding: PorterStemmer.stem(Array(pair[0].utf8)), as: UTF8.self) == pair[1], "\(pair[0])")
        }
    }

    @Test func answersAreNormalisedAsByTheirBenchmarks() throws {
        for line in try Self.lines("answers.jsonl") {
            let text = try line["text"].string()
            for (rule, key) in [
                (AnswerNormalization.naturalQuestions, "naturalQuestions"), (.triviaQA, "triviaQA"),
            ] {
                let (found, expected) = (rule.normalized(text), try line[key].string())
                #expect(
                    found.unicodeScalars.elementsEqual(expected.unicodeScalars),
                    "\(text.debugDescription): \(found.debugDescription), not \(expected.debugDescription)")
            }
        }
        #expect(AnswerNormalization.naturalQuestions.matches("the Beatles.", anyOf: ["Beatle", "BEATLES"]))
        #expect(!AnswerNormalization.naturalQuestions.matches("caf\u{E9}", anyOf: ["cafe\u{301}"]))
    }

    @Test func finalAnswersAreThoseOfTheHarness() throws {
        var correct = 0
        for line in try Self.lines("numbers.jsonl") {
            let (completion, reference) = (try line["completion"].string(), try line["reference"].string())
            for (rule, key) in [(FinalAnswer.strict, "isStrictlyCorrect"), (.flexible, "isFlexiblyCorrect")] {
                #expect(
                    try rule.found(in: completion) == line[rule.rawValue].ifPresent?.string(),
                    "\(rule) in \(completion.debugDescription)")
                let isCorrect = try line[key].bool()
                #expect(
                    rule.isCorrect(completion, reference: reference) == isCorrect,
                    "\(rule) in \(completion.debugDescription) for \(reference.debugDescription)")
                correct += isCorrect ? 1 : 0
            }
        }
        #expect(correct > 10)
    }
}

struct TextSummaryTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    private func summary(_ examples: String, _ completions: String, _ metric: TextMetric, ks: [Int] = [1]) throws
        -> TextSummary
    {
        let examples = try TextExample.read(folder.file("e.jsonl", examples))
        let completions = try TextCompletions(
            contentsOf: folder.file("c.jsonl", completions), examples: examples.count)
        return TextSummary(completions, of: examples, metric: metric, ks: ks)
    }

    private func value(_ summary: TextSummary, _ row: String, _ name: String) -> Double? {
        summary.rows.first { $0.name == row }?.values.first { $0.name == name }?.estimate?.value
    }

    @Test func severalCompletionsGivePassAtKAndTheMeanOfROUGE() throws {
        let examples = """
            {"question": "6 times 3", "answer": "Six times three.\\n#### 18"}
            {"question": "2 + 2", "answer": 4}
            """
        let completions = """
            {"completions": ["#### 18", "#### 17", "It is 18."]}
            {"completions": ["no idea", "3", "2"]}
            """
        let summary = try summary(examples, completions, .gsm8k, ks: [3, 1, 4])
        #expect(summary.examples == 2 && summary.completions == 6)
        #expect(abs((value(summary, "strict", "pass@1") ?? 0) - 1.0 / 6) < 1e-15)
        #expect(abs((value(summary, "flexible", "pass@1") ?? 0) - 2.0 / 6) < 1e-15)
        #expect(value(summary, "flexible", "pass@3") == 0.5)
        #expect(value(summary, "flexible", "pass@4") == nil)
        #expect(try JSONValue.object(summary.json).text().contains("\"pass@3\":0.5"))

        let rouge = try self.summary(
            #"{"references": ["a b", "a"]}"#, #"{"completions": ["a", "c"]}"#, .rouge(stems: false))
        #expect(value(rouge, "rouge1", "f") == 0.5)
        #expect(rouge.table.text.contains("50.0 [50.0, 50.0]"))
    }

    @Test func completionsAreInOrderOrNameTheirExample() throws {
        func texts(_ lines: String, _ examples: Int) throws -> [[String]] {
            try TextCompletions(contentsOf: folder.file("c.jsonl", lines), examples: examples).texts
        }
        #expect(try texts("{\"completion\": \"a\"}\n{\"completion\": \"b\"}", 2) == [["a"], ["b"]])
        #expect(
            try texts(
                (0..<4).map { #"{"prompt": "", "completion": "\#($0)", "sample": \#($0 % 2), "reference": "x"}"# }
                    .joined(separator: "\n"), 2) == [["0", "1"], ["2", "3"]])
        #expect(
            try texts(#"{"index": 2, "completion": "c"}"# + "\n" + #"{"index": 0, "completion": "a", "x": NaN}"#, 3)
                == [["a"], [], ["c"]])
        for bad in [
            "", "{}", #"{"completion": 1}"#, #"{"index": 3, "completion": ""}"#, #"{"index": -1, "completion": ""}"#,
            Array(repeating: #"{"completion": ""}"#, count: 4).joined(separator: "\n"),
        ] {
            let error = #expect(throws: EvaluationError.self) { try texts(bad, 3) }
            #expect(error?.description.contains("c.jsonl") == true)
        }
    }

    @Test(arguments: ["", "{}", #"{"references": []}"#, #"{"answer": {}}"#, #"{"answer": true}"#, "["])
    func aFileOfNoExamplesIsRefusedByName(text: String) throws {
        let error = #expect(throws: EvaluationError.self) { try TextExample.read(folder.file("e.jsonl", text)) }
        #expect(error?.description.contains("e.jsonl") == true)
    }
}
