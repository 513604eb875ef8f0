import ForetokenFiles
import ForetokenModel
import ForetokenText
import ForetokenTraining
import Foundation
import Testing

/// `chat` and `generate --chat` as a user runs them, on a model of random weights.
struct ChatCommandTests {
    private let place: Workplace

    init() throws { place = try Workplace() }

    private func model(template: String?) throws -> String {
        let configuration = ModelConfiguration(
            vocabulary: 258, width: 32, layers: 4, attentionHeads: 4, keyValueHeads: 2, headDimension: 8,
            feedForwardWidth: 48, heads: 2, headKind: .parallel, contextLength: 128, beginningOfText: 256,
            endOfText: 257)
        let folder = URL(fileURLWithPath: place.path("model"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try ModelFolder.write(try MultiTokenModel(configuration, seed: 5), to: folder)
        try TokenizerFile.write(ByteTokenizer(), to: folder)
        if let template { try Data(template.utf8).write(to: folder.appendingPathComponent("chat_template.jinja")) }
        return folder.path
    }

    private static let template =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}<|end_of_text|>{% endfor %}assistant: "

    @Test func aPromptIsAnsweredInTheFormOfTheTemplate() throws {
        let model = try model(template: Self.template)
        func tokens(_ arguments: String...) throws -> JSONValue? {
            let result = try Command.run(
                ["generate", "--model", model, "--max-tokens", "6", "--json"] + arguments)
            #expect(result.code == 0, "\(result.errors)")
            return try JSONNode(JSONValue(parsing: result.output, file: "o"), file: "o")["tokens"].value
        }
        // The template's end of text is a token, so the raw prompt that spells it is the same.
        let prompt = "system: s<|end_of_text|>user: q<|end_of_text|>assistant: "
        let answer = try tokens("--chat", "--system", "s", "--prompt", "q")
        let lines = place.path("in.jsonl")
        let messages = #"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]}"#
        try Data(messages.utf8).write(to: URL(fileURLWithPath: lines))
        let out = place.path("out.jsonl")
        let batch = try Command.run(
            ["generate", "--model", model, "--max-tokens", "6", "--prompts", lines, "--out", out])
        #expect(batch.code == 0, "\(batch.errors)")
        let line = try JSONNode(
            JSONValue(parsing: String(contentsOfFile: out, encoding: .utf8), file: "o"), file: "o")
        #expect(try line["tokens"].integer() == 6)
        // A chat has no beginning of text but the template's; the raw prompt begins with one.
        let raw = try tokens("--prompt", prompt)
        #expect(answer != nil && raw != nil)
        #expect(try tokens("--prompt", prompt, "--no-special") != raw)
    }

    @Test func linesAreAnsweredAndCommandsDoWhatTheySay() throws {
        let model = try model(template: Self.template)
        let result = try Command.shell(
            "printf 'hello\\\\\n you\n/regenerate\n/nonsense\n/system be brief\n//slash\n/clear\n/regenerate\n' "
                + "| \"$F\" chat --model \(model) --max-tokens 4 --temperature 1 --timings")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.errors.components(separatedBy: "4 tokens").count == 4, "\(result.errors)")
        #expect(result.errors.contains("/nonsense") && result.errors.contains("no answer to generate again"))
        let long = String(repeating: "x", count: 200)
        let tooLong = try Command.shell("echo \(long) | \"$F\" chat --model \(model)")
        #expect(tooLong.code == 1 && tooLong.errors.contains("context"), "\(tooLong.errors)")
    }

    @Test func whatCannotBeAnsweredIsOneClearLine() throws {
        let without = try model(template: nil)
        for arguments in [["generate", "--chat"], ["chat"]] {
            let result = try Command.run(arguments + ["--model", without])
            #expect(result.code == 1 && result.errors.contains("no chat template"), "\(result.errors)")
        }
        #expect(try Command.run(["generate", "--model", without, "--system", "s"]).code == 64)
        let refusing = try model(template: "\n{{ raise_exception('only cats') }}")
        let result = try Command.run(["generate", "--model", refusing, "--chat", "--prompt", "x"])
        #expect(result.code == 1 && result.errors.contains("only cats"), "\(result.errors)")
        let broken = try model(template: "{% for %}")
        let fault = try Command.run(["generate", "--model", broken, "--chat", "--prompt", "x"])
        #expect(fault.code == 1 && fault.errors.contains("chat_template.jinja:1:"), "\(fault.errors)")
        // Other commands do not read it.
        #expect(try Command.run(["generate", "--model", broken, "--max-tokens", "2"]).code == 0)
        let bad = ["chat", "--model", broken, "--template-variable", "x"]
        #expect(try Command.run(bad).code != 0)
    }
}
