import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing
import Torch

/// `evaluate text` and `evaluate choice` as a user runs them.
struct TextAndChoiceCommandTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: place.path(name)))
        return place.path(name)
    }

    private func object(_ result: Command.Result) throws -> JSONNode {
        #expect(result.code == 0, "\(result.errors)")
        return JSONNode(try JSONValue(parsing: result.output, file: "output"), file: "output")
    }

    /// A model of random weights.
    private func model() throws -> String {
        let configuration = ModelConfiguration(
            vocabulary: 258, width: 32, layers: 4, attentionHeads: 4, keyValueHeads: 2, headDimension: 8,
            feedForwardWidth: 48, heads: 2, headKind: .parallel, contextLength: 96, beginningOfText: 256, endOfText: 257
        )
        let folder = URL(fileURLWithPath: place.path("model"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try ModelFolder.write(try MultiTokenModel(configuration, seed: 5), to: folder)
        try TokenizerFile.write(ByteTokenizer(), to: folder)
        return folder.path
    }

    @Test func completionsOfAnotherSystemAreScoredByEveryMetric() throws {
        let examples = try write(
            "e.jsonl",
            """
            {"reference": "The cats were running.", "prompt": "ab"}
            {"references": ["Nothing", "A dog barks"]}
            """)
        let completions = try write(
            "c.jsonl",
            """
            {"completion": "the cat runs"}
            {"completion": "dog barks!"}
            """)
        func score(_ metric: String, _ options: String...) throws -> JSONNode {
            try object(
                Command.run(
                    [
                        "evaluate", "text", "--metric", metric, "--examples", examples, "--completions", completions,
                        "--json",
                    ]
                        + options))
        }
        // 1 of 3 words, and of 4 in the reference; 2 of 2 and of 3. With stems 3 of 3 and of 4.
        let plain = try score("rouge")
        #expect(abs(try plain["rouge1"]["precision"].double() - (1.0 / 3 + 1) / 2) < 1e-12)
        #expect(abs(try plain["rouge1"]["recall"].double() - (1.0 / 4 + 2.0 / 3) / 2) < 1e-12)
        let stemmed = try score("rouge", "--stemmer")
        #expect(abs(try stemmed["rouge1"]["recall"].double() - (3.0 / 4 + 2.0 / 3) / 2) < 1e-12)
        #expect(try plain["examples"].integer() == 2)
        // "dog barks!" is "A dog barks" without article and punctuation.
        #expect(try score("exact-match")["exactMatch"]["pass@1"].double() == 0.5)
        #expect(try score("gsm8k")["strict"]["pass@1"].double() == 0)
        let table = try Command.run(
            "evaluate", "text", "--metric", "rouge", "--examples", examples, "--completions", completions)
        #expect(table.output.contains("rougeLsum") && table.output.contains("precision"))
        let partial = try Command.run(
            "evaluate", "text", "--metric", "rouge", "--examples", examples, "--completions",
            write("p.jsonl", #"{"completion": "the cat runs"}"#))
        #expect(partial.code == 0 && partial.errors.contains("1 of 2 examples have no completion"))
    }

    @Test func aModelsCompletionsAreDrawnOnceAndScored() throws {
        let examples = try write(
            "e.jsonl",
            """
            {"prompt": "ab", "answer": "x"}
            {"prompt": "cd", "answer": "y"}
            """)
        let model = try model()
        func run() throws -> Command.Result {
            try Command.run(
                "evaluate", "text", "--metric", "exact-match", "--examples", examples, "--model", model, "--out",
                place.path("c.jsonl"), "--samples", "3", "--temperature", "1", "--max-tokens", "8", "-k", "1,3",
                "--json")
        }
        let first = try object(run())
        #expect(try first["completions"].integer() == 6 && first["exactMatch"]["pass@3"].double() == 0)
        let whole = try Data(contentsOf: URL(fileURLWithPath: place.path("c.jsonl")))
        #expect(whole.count { $0 == 0x0A } == 6)
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: place.path("c.jsonl")))
        #expect(try object(run()).value == first.value)
        // The counts of passes and drafts vary with the time that passes take; the texts do not.
        func texts(_ file: Data) throws -> [String] {
            try file.split(separator: 0x0A).map { line in
                let text = String(decoding: line, as: UTF8.self)
                return try JSONNode(JSONValue(parsing: text, file: "c"), file: "c")["completion"].string()
            }
        }
        #expect(try texts(Data(contentsOf: URL(fileURLWithPath: place.path("c.jsonl")))) == texts(whole))
    }

    @Test(arguments: [
        "--metric rouge --examples e", "--metric rouge --examples e --model m --completions c --out o",
        "--metric rouge --examples e --model m", "--metric rouge --examples e --completions c --out o",
        "--metric bleu --examples e --completions c",
        "--metric gsm8k --examples e --completions c --stemmer", "--metric gsm8k --examples e --completions c -k 0",
        "--metric gsm8k --examples e --completions c --samples 0",
    ])
    func optionsThatDoNotGoTogetherAreBadUsage(options: String) throws {
        #expect(try Command.run(["evaluate", "text"] + options.split(separator: " ").map(String.init)).code == 64)
    }

    @Test func choicesAreScoredWithTheirAccuracy() throws {
        let questions = try write(
            "q.jsonl",
            """
            {"context": "Snow is", "choices": [" white", " black"], "answer": 0}
            {"context": "Coal is ", "choices": ["white", "black"], "answer": 1}
            """)
        let model = try model()
        let result = try object(
            Command.run(
                "evaluate", "choice", "--model", model, "--questions", questions, "--out", place.path("s.jsonl"),
                "--json"))
        #expect(try result["questions"].integer() == 2)
        #expect([0, 0.5, 1].contains(try result["accuracy"].double()))
        #expect(try String(contentsOfFile: place.path("s.jsonl"), encoding: .utf8).split(separator: "\n").count == 2)
        let bad = try Command.run(
            "evaluate", "choice", "--model", model, "--questions", write("b.jsonl", "{}"))
        #expect(bad.code == 1 && bad.errors.contains("b.jsonl: line 1"))
    }

    private static let python = ProcessInfo.processInfo.environment["FORETOKEN_PYTHON"]

    /// The log-likelihoods of bytes after a beginning token, as lm-evaluation-harness takes them from a Llama's logits.
    private static let script = """
        import json, sys, torch
        from transformers import LlamaForCausalLM
        model = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
        for line in open(sys.argv[2]):
            question, scores = json.loads(line), []
            for choice in question["choices"]:
                context = question["context"].rstrip()
                prefix = [256] + list(context.encode())
                whole = [256] + list((question["context"] + choice).encode())
                continuation = whole[len(prefix):]
                tokens = (prefix + continuation)[-(model.config.max_position_embeddings + 1):][:-1]
                with torch.no_grad():
                    logits = model(torch.tensor([tokens])).logits[0].double().log_softmax(-1)
                scores.append(logits[-len(continuation):].gather(1, torch.tensor(continuation)[:, None]).sum().item())
            print(json.dumps(scores))
        """

    /// Opt-in: FORETOKEN_PYTHON names a Python with torch and transformers.
    @Test(.enabled(if: python != nil, "set FORETOKEN_PYTHON to a Python with torch and transformers"))
    func logLikelihoodsAreThoseOfTransformers() throws {
        let model = try model()
        let texts = ["Snow is", "Coal is ", "é", "", "x\n\t", String(repeating: "long ", count: 30)]
        let lines = try texts.enumerated().map { index, text in
            let question: JSONValue = [
                "context": .string(text), "choices": [" white", "black", "Grün", "a longer choice of words"],
                "answer": .integer(index % 4),
            ]
            return try question.text()
        }
        let questions = try write("q.jsonl", lines.joined(separator: "\n"))
        let out = place.path("s.jsonl")
        let result = try object(
            Command.run("evaluate", "choice", "--model", model, "--questions", questions, "--out", out, "--json"))
        let script = try write("s.py", Self.script)
        let theirs = try Command.shell("'\(try #require(Self.python))' '\(script)' '\(model)' '\(questions)'")
        #expect(theirs.code == 0, "\(theirs.errors)")
        var hits = 0
        let ours = try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n")
        let expected = theirs.output.split(separator: "\n")
        #expect(ours.count == texts.count && expected.count == texts.count)
        for (index, (own, other)) in zip(ours, expected).enumerated() {
            let own = try JSONNode(JSONValue(parsing: String(own), file: ""), file: "")["logLikelihoods"].array()
                .map { try $0.double() }
            let other = try JSONNode(JSONValue(parsing: String(other), file: ""), file: "").array()
                .map { try $0.double() }
            // float32 sums in another order, over up to 24 tokens of some 5 nats.
            #expect(zip(own, other).allSatisfy { abs($0 - $1) < 1e-3 }, "\(own) \(other)")
            hits += other.indices.max { other[$0] < other[$1] } == index % 4 ? 1 : 0
        }
        #expect(abs(try result["accuracy"].double() - Double(hits) / Double(texts.count)) < 1e-12)
    }
}
