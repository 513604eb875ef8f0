import ForetokenFiles
import ForetokenModel
import Foundation
import Testing
import Torch

@Suite(.serialized) struct ConvertTests {
    /// Train, export head 1, and continue a prompt with what was exported.
    @Test func aTrainedModelBecomesAHuggingFaceFolderThatWritesTheSameText() throws {
        let work = try Workplace()
        let recipe = try work.recipe(steps: 6)
        #expect(try Command.run("train", recipe, "--out", work.path("run")).code == 0)
        let refused = try Command.run("convert", work.path("run"), work.path("hf"), "--to", "hf")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("cannot hold head 2") && refused.errors.contains("--drop-heads"))
        let converted = try Command.run("convert", work.path("run"), work.path("hf"), "--to", "hf", "--drop-heads")
        #expect(converted.code == 0, "\(converted.errors)")
        #expect(converted.output.contains("left out: heads.2.mlp.up_proj.weight"))
        #expect(converted.output.contains("tokenizer.json"))
        func text(_ model: String) throws -> String {
            let arguments = [
                "generate", "--model", work.path(model), "--prompt", "def ", "--max-tokens", "40", "--json",
            ]
            let result = try Command.run(arguments)
            #expect(result.code == 0, "\(result.errors)")
            return try JSONNode(JSONValue(parsing: result.output, file: "output"), file: "output")["text"].string()
        }
        #expect(try text("hf") == text("run"))
        let back = try Command.run("convert", work.path("hf"), work.path("back"), "--to", "foretoken", "--json")
        #expect(back.code == 0, "\(back.errors)")
        #expect(back.output.contains("\"heads\":1"))
        #expect(try text("back") == text("run"))
        let inspected = try Command.run("inspect", work.path("hf"))
        #expect(inspected.output.contains("1 parallel heads on 2 trunk layers"), "\(inspected.output)")
        let mimo = try Command.run("convert", work.path("run"), work.path("mimo"), "--to", "mimo")
        #expect(mimo.code == 1 && mimo.errors.contains("--to mimo cannot hold 'parallel' heads"), "\(mimo.errors)")
        let meta = try Command.run("convert", work.path("run"), work.path("meta"), "--to", "meta")
        #expect(meta.code == 0, "\(meta.errors)")
        let released = try Command.run("inspect", work.path("meta"))
        #expect(released.output.contains("2 parallel heads on 2 trunk layers"), "\(released.errors)")
    }

    /// The other program's greedy text of a converted model is ours. Opt-in: FORETOKEN_LLAMA_PYTHON names a Python with
    /// llama-cpp-python, FORETOKEN_PYTHON one with torch and transformers.
    @Test(
        .enabled(if: !Self.others.isEmpty, "set FORETOKEN_LLAMA_PYTHON or FORETOKEN_PYTHON"), arguments: Self.others)
    func otherProgramsWriteTheSameGreedyText(other: Other) throws {
        let work = try Workplace()
        let recipe = try work.recipe(steps: 60)
        #expect(try Command.run("train", recipe, "--out", work.path("run")).code == 0)
        let ours = try Command.run(
            "generate", "--model", work.path("run"), "--prompt", "def ", "--max-tokens", "40", "--json")
        let expected = try JSONNode(JSONValue(parsing: ours.output, file: "output"), file: "output")["text"].string()
        #expect(expected.utf8.count > 10)
        let out = work.path("out." + other.format)
        let converted = try Command.run("convert", work.path("run"), out, "--to", other.format, "--drop-heads")
        #expect(converted.code == 0, "\(converted.errors)")
        let theirs = try Command.shell(
            "\"$PROGRAM\" -c \"$SCRIPT\" '\(out)'", environment: ["PROGRAM": other.program, "SCRIPT": other.script])
        #expect(theirs.code == 0, "\(theirs.errors)")
        #expect(theirs.output == expected + "\n")
    }

    struct Other: Sendable {
        let format, program, script: String
    }

    static let others: [Other] = {
        let environment = ProcessInfo.processInfo.environment
        let llama = environment["FORETOKEN_LLAMA_PYTHON"].map { program in
            Other(
                format: "gguf", program: program,
                script: """
                    import sys, itertools
                    from llama_cpp import Llama
                    model = Llama(sys.argv[1], n_ctx=64, verbose=False, type_k=0, type_v=0)
                    tokens = model.generate(model.tokenize(b"def ", add_bos=True), temp=0.0)
                    tokens = itertools.takewhile(lambda token: token != model.token_eos(), tokens)
                    print(model.detokenize(list(itertools.islice(tokens, 40))).decode())
                    """)
        }
        let transformers = environment["FORETOKEN_PYTHON"].map { program in
            Other(
                format: "hf", program: program,
                script: """
                    import sys
                    from transformers import AutoModelForCausalLM, AutoTokenizer
                    model, tokenizer = (c.from_pretrained(sys.argv[1]) for c in (AutoModelForCausalLM, AutoTokenizer))
                    prompt = tokenizer("def ", return_tensors="pt")["input_ids"]
                    text = model.generate(prompt, max_new_tokens=40, do_sample=False)[0, prompt.shape[1]:]
                    print(tokenizer.decode(text, skip_special_tokens=True))
                    """)
        }
        return [llama, transformers].compactMap(\.self)
    }()

    @Test func wrongUseIsSaid() throws {
        let work = try Workplace()
        for (arguments, fragment) in [
            (["convert", "a", "b", "--to", "onnx"], "onnx"), (["convert", "a", "b"], "--to"),
            (["convert", "a", "b", "--to", "hf", "--heads", "0"], "--heads"),
            (["convert", "a", "b", "--to", "hf", "--shard-bytes", "-1"], "--shard-bytes"),
        ] {
            let result = try Command.run(arguments)
            #expect(result.code == 64 && result.errors.contains(fragment), "\(result.errors)")
        }
        let missing = try Command.run("convert", work.path("src"), work.path("out"), "--to", "hf")
        #expect(missing.code == 1 && missing.errors.contains("src"), "\(missing.errors)")
    }
}
