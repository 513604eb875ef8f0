import ForetokenFiles

/// Stop strings for base models, from EvalPlus.
enum StopStrings {
    static let common = ["</s>", "<|endoftext|>", "\nif __name__", "\ndef main(", "\nprint("]
    static let humanEval = common + ["\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "]
    static let mbppPlus = common + ["\n\"\"\"", "\nassert"]
    static let mbpp = ["[DONE]", "[BEGIN]"] + mbppPlus
    static let apps = ["\nQUESTION", "\n---", "\nANSWER"]
}

/// HumanEval (arXiv 2107.03374): zero-shot; the model completes a signature with docstring.
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

    /// Python that defines the prompt's functions, which some tests call. A final function without a docstring has no body and
    /// needs `pass`.
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

/// EvalPlus (arXiv 2305.01210): HumanEval+ and MBPP+. The expected values are computed by the reference solution, by the rules of
/// EvalPlus' own evaluator (`evalplus.py`).
enum EvalPlus {
    static func problem(_ node: JSONNode, row: String) throws -> Problem {
        let prompt = try node["prompt"].string()
        let id = try name(node["task_id"])
        _ = try identifier(node["entry_point"])
        for key in ["base_input", "plus_input"] {
            for input in try node[key].ifPresent?.array() ?? [] { _ = try input.array() }
        }
        _ = try node["atol"].double(in: 0...(.greatestFiniteMagnitude))
        return Problem(
            id: id, prompt: prompt, programPrefix: prompt,
            // MBPP's model writes the whole function after a docstring.
            stopStrings: id.lowercased().hasPrefix("mbpp/") ? StopStrings.mbppPlus : StopStrings.humanEval,
            tests: .reference(row: row), reference: try node["canonical_solution"].string())
    }
}

/// APPS (arXiv 2105.09938): standard input and output, or calls of one function.
///
/// `input_output` is JSON text as Python's `json` writes it; empty, or without inputs, it means that there are no tests.
enum APPS {
    static func problem(_ node: JSONNode) throws -> Problem {
        let question = try node["question"].string()
        let starter = try node["starter_code"].ifPresent?.string() ?? ""
        let text = try node["input_output"].ifPresent?.string() ?? ""
        let cases = JSONNode(
            try JSONValue(
                parsing: text.allSatisfy(\.isWhitespace) ? "{}" : text, file: node.file, numbers: .python),
            file: node.file, path: "input_output")
        let inputs = try cases["inputs"].ifPresent?.array() ?? []
        let outputs = try cases["outputs"].ifPresent?.array() ?? []
        guard inputs.count == outputs.count else { throw cases.wrongType("equal numbers of inputs and outputs") }
        let function = try cases["fn_name"].ifPresent.map { try identifier($0) }
        let tests: Problem.Tests
        if let function, !inputs.isEmpty {
            for input in inputs { _ = try input.array() }
            tests = .calls(setup: "", code: try calls(of: function, casesText: text), entryPoint: nil)
        } else {
            tests = .inputOutput(
                try zip(inputs, outputs).map { Problem.Example(input: try lines($0), output: try lines($1)) }, .lines)
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

    /// Python that compares the function's values as APPS' `run_test` does: tuples count as lists; a value may be the expected
    /// one or the only element of a list around it; the keys of a dictionary that are integers in Python are strings in JSON.
    ///
    /// Python itself reads the benchmark's text, so that its numbers are exact: integers have any length there.
    private static func calls(of function: String, casesText: String) throws -> String {
        """
        import json as _json
        def _plain(_value):
            return [_plain(_v) for _v in _value] if isinstance(_value, (list, tuple)) else _value
        def _keyed(_value):
            try:
                return {int(_key): _v for _key, _v in _value.items()}
            except ValueError:
                return _value
        try:
            _function = Solution().\(function)
        except NameError:
            _function = \(function)
        _cases = _json.loads(\(try python(casesText)))
        for _input, _output in zip(_cases["inputs"], _cases["outputs"]):
            if _input and isinstance(_input[0], dict):
                _input[0] = _keyed(_input[0])
            if isinstance(_output, dict):
                _output = [_keyed(_output)]
            elif isinstance(_output, list) and _output and isinstance(_output[0], dict):
                _output[0] = _keyed(_output[0])
            _found = _plain(_function(*_input))
            assert _found == _output or isinstance(_output, list) and len(_output) > 0 and _found == _output[0]
        """
    }

    /// A text, which some problems give as an array of lines.
    private static func lines(_ node: JSONNode) throws -> String {
        if case .array = node.value { return try node.array().map { try lines($0) }.joined(separator: "\n") }
        return try node.string()
    }
}

/// CodeContests (arXiv 2203.07814), conditioned on "correct" solutions as in section 3.6 of the paper. The paper's prompt is not
/// published; this one is Foretoken's own.
enum CodeContests {
    static func problem(_ node: JSONNode) throws -> Problem {
        var examples: [Problem.Example] = []
        for key in ["public_tests", "private_tests", "generated_tests"] {
            guard let tests = try node[key].ifPresent else { continue }
            let (inputs, outputs) = (try tests["input"].array(), try tests["output"].array())
            guard inputs.count == outputs.count else { throw tests.wrongType("equal numbers of inputs and outputs") }
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
    guard !text.isEmpty else { throw node.wrongType("a non-empty string") }
    return text
}

/// A Python identifier; checked because it is inserted into a program.
func identifier(_ node: JSONNode) throws -> String {
    let text = try node.string()
    guard text.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_]*/#) != nil else { throw node.wrongType("a Python identifier") }
    return text
}

/// A Python string literal; JSON's escapes are valid in Python.
func python(_ text: String) throws -> String {
    try JSONValue.string(text).text()
}
