import ForetokenFiles

/// Stop strings of base models, as EvalPlus has them.
enum StopStrings {
    static let common = ["</s>", "<|endoftext|>", "\nif __name__", "\ndef main(", "\nprint("]
    static let humanEval = common + ["\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "]
    static let mbpp = ["[DONE]", "[BEGIN]"] + common + ["\n\"\"\"", "\nassert"]
    static let apps = ["\nQUESTION", "\n---", "\nANSWER"]
}

/// HumanEval (arXiv 2107.03374): zero-shot, the model goes on after signature and docstring.
enum HumanEval {
    static func problem(_ node: JSONNode) throws -> Problem {
        let prompt = try node["prompt"].string()
        let entry = try identifier(node["entry_point"])
        return Problem(
            id: try name(node["task_id"]), prompt: prompt, programPrefix: prompt, stopStrings: StopStrings.humanEval,
            tests: .calls(
                setup: try helpers(of: prompt), code: try node["test"].string() + "\ncheck(\(entry))\n",
                entryPoint: entry),
            reference: try node["canonical_solution"].ifPresent?.string())
    }

    /// Defines the prompt's own functions, which serve some of the tests; a last one without a docstring lacks its body.
    private static func helpers(of prompt: String) throws -> String {
        """
        for _end in ("", "\\n    pass"):
            try:
                exec(compile(\(try python(prompt)) + _end, "prompt.py", "exec"), globals())
                break
            except SyntaxError:
                pass

        """
    }
}

/// EvalPlus' releases (arXiv 2305.01210): expected values are what the reference solution returns.
enum EvalPlus {
    static func problem(_ node: JSONNode) throws -> Problem {
        let prompt = try node["prompt"].string()
        let entry = try identifier(node["entry_point"])
        let solution = try node["canonical_solution"].string()
        let inputs = try node["base_input"].array() + (node["plus_input"].ifPresent?.array() ?? [])
        for input in inputs { _ = try input.array() }
        let tolerance = try node["atol"].ifPresent?.double(in: 0...(.greatestFiniteMagnitude)) ?? 0
        let literal = try python(JSONValue.array(inputs.map { $0.value ?? .null }).text())
        return Problem(
            id: try name(node["task_id"]), prompt: prompt, programPrefix: prompt, stopStrings: StopStrings.humanEval,
            tests: .calls(
                setup: prompt + solution + "\n_reference = \(entry)\n",
                code: """
                    import copy as _copy, json as _json
                    def _same(_a, _b):
                        if _a == _b:
                            return True
                        if isinstance(_b, (list, tuple)) and isinstance(_a, (list, tuple)):
                            return len(_a) == len(_b) and all(map(_same, _a, _b))
                        if isinstance(_b, float) and isinstance(_a, (int, float)):
                            return _a != _a and _b != _b or abs(_a - _b) <= max(\(tolerance), 1e-7 * abs(_b))
                        return False
                    for _input in _json.loads(\(literal)):
                        _expected = _reference(*_copy.deepcopy(_input))
                        assert _same(\(entry)(*_input), _expected)
                    """, entryPoint: entry),
            reference: solution)
    }
}

/// APPS (arXiv 2105.09938): standard input and output, or calls of one function.
enum APPS {
    static func problem(_ node: JSONNode) throws -> Problem {
        let question = try node["question"].string()
        let starter = try node["starter_code"].ifPresent?.string() ?? ""
        let text = try node["input_output"].string()
        let cases = JSONNode(
            text.isEmpty ? .object(JSONObject()) : try JSONValue(parsing: text, file: node.file), file: node.file,
            path: "input_output")
        let inputs = try cases["inputs"].ifPresent?.array() ?? []
        let outputs = try cases["outputs"].ifPresent?.array() ?? []
        guard inputs.count == outputs.count else { throw cases.wrongType("as many inputs as outputs") }
        let function = try cases["fn_name"].ifPresent.map { try identifier($0) }
        let tests: Problem.Tests
        if let function {
            let pairs = try zip(inputs, outputs).map { input, output -> JSONValue in
                _ = try input.array()
                return .array([input.value ?? .null, output.value ?? .null])
            }
            let literal = try python(JSONValue.array(pairs).text())
            tests = .calls(
                setup: "",
                code: """
                    import json as _json
                    def _plain(_value):
                        return [_plain(_v) for _v in _value] if isinstance(_value, (list, tuple)) else _value
                    try:
                        _function = Solution().\(function)
                    except NameError:
                        _function = \(function)
                    for _input, _output in _json.loads(\(literal)):
                        _found = _plain(_function(*_input))
                        assert _found == _output or isinstance(_output, list) and len(_output) > 0 and _found == _output[0]
                    """, entryPoint: nil)
        } else {
            tests = .inputOutput(
                try zip(inputs, outputs).map { Problem.Example(input: try lines($0), output: try lines($1)) })
        }
        var problem = Problem(
            id: "APPS/" + (try name(node["problem_id"])),
            prompt: APPSPrompt.text(question: question, starter: starter, isCallBased: function != nil),
            stopStrings: StopStrings.apps, tests: tests)
        if let solutions = try node["solutions"].ifPresent?.string(), !solutions.isEmpty {
            problem.reference = try JSONNode(
                JSONValue(parsing: solutions, file: node.file), file: node.file, path: "solutions"
            ).array().first?.string()
        }
        problem.isEvaluated = !inputs.isEmpty
        return problem
    }

    /// Some texts are given as their lines.
    private static func lines(_ node: JSONNode) throws -> String {
        if case .array = node.value { return try node.array().map { try lines($0) }.joined(separator: "\n") }
        return try node.string()
    }
}

/// CodeContests (arXiv 2203.07814), conditioned on a "correct" solution as in section 3.6 of the paper, whose exact prompt is
/// not published: this one is ours.
enum CodeContests {
    static func problem(_ node: JSONNode) throws -> Problem {
        var examples: [Problem.Example] = []
        for key in ["public_tests", "private_tests", "generated_tests"] {
            guard let tests = try node[key].ifPresent else { continue }
            let (inputs, outputs) = (try tests["input"].array(), try tests["output"].array())
            guard inputs.count == outputs.count else { throw tests.wrongType("as many inputs as outputs") }
            examples += try zip(inputs, outputs).map {
                Problem.Example(input: try $0.string(), output: try $1.string())
            }
        }
        var problem = Problem(
            id: try name(node["name"]),
            prompt: "\"\"\"\n\(try node["description"].string())\n\"\"\"\n# correct\n",
            stopStrings: ["\n\"\"\"", "</s>", "<|endoftext|>"], tests: .inputOutput(examples))
        if let solutions = try node["solutions"].ifPresent {
            let (languages, texts) = (try solutions["language"].array(), try solutions["solution"].array())
            // 3 is Python 3 in the benchmark's enumeration.
            problem.reference = try zip(languages, texts).first { try $0.0.integer() == 3 }?.1.string()
        }
        problem.isEvaluated = !examples.isEmpty
        return problem
    }
}

/// A task's name, which some files give as a number.
func name(_ node: JSONNode) throws -> String {
    if case .integer(let number) = node.value { return String(number) }
    let text = try node.string()
    guard !text.isEmpty else { throw node.wrongType("a text that is not empty") }
    return text
}

/// A Python name: it becomes part of a program.
func identifier(_ node: JSONNode) throws -> String {
    let text = try node.string()
    guard text.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_]*/#) != nil else { throw node.wrongType("a Python name") }
    return text
}

/// A text as a Python literal: JSON's escapes are Python's.
func python(_ text: String) throws -> String {
    try JSONValue.string(text).text()
}
