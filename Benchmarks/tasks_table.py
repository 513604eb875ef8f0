"""The tables of Benchmarks/tasks.sh: reads results of `foretoken evaluate arithmetic | induction --json`, prints Markdown.

    python3 tasks_table.py runs/tasks/arithmetic/n*-seed*.json

A cell is the mean over the seeds and, in parentheses, each seed; differences are from n = 1, paired by seed, with the standard
error over the seeds.

>>> def result(*accuracies):
...     rows = [{"operations": i + 1, "inDomain": i < 1, "accuracy": a, "questions": 9} for i, a in enumerate(accuracies)]
...     return {"task": "arithmetic", "inDomain": rows[0], "outOfDomain": rows[1], "operations": rows}
>>> print(table({(1, 1): result(0.5, 0.25), (1, 2): result(0.75, 0.25), (2, 1): result(1, 0.5), (2, 2): result(0.75, 0.5)}))
| arithmetic, accuracy in % | n = 1 | n = 2 | n = 2 less n = 1 |
|---|---|---|---|
| 1 operation | 62.5 (50.0, 75.0) | 87.5 (100.0, 75.0) | +25.0 ± 25.0 |
| 2 operations, out of domain | 25.0 (25.0, 25.0) | 50.0 (50.0, 50.0) | +25.0 ± 0.0 |
| all | 62.5 (50.0, 75.0) | 87.5 (100.0, 75.0) | +25.0 ± 25.0 |
| all, out of domain | 25.0 (25.0, 25.0) | 50.0 (50.0, 50.0) | +25.0 ± 0.0 |
"""

import json
import re
import statistics
import sys


def rows(result):
    """The names and accuracies of a result, in order."""
    found = {}
    for row in result.get("operations", []):
        name = f"{row['operations']} operation" + ("s" if row["operations"] > 1 else "")
        found[name + ("" if row["inDomain"] else ", out of domain")] = row["accuracy"]
    for key, name in (("inDomain", "all"), ("outOfDomain", "all, out of domain")):
        if key in result:
            found[name] = result[key]["accuracy"]
    return found


def table(results):
    """`results`: the result for each pair (n, seed)."""
    heads = sorted({n for n, _ in results})
    others = [n for n in heads if n != 1] if 1 in heads else []
    task = next(iter(results.values()))["task"]
    header = [f"{task}, accuracy in %"] + [f"n = {n}" for n in heads] + [f"n = {n} less n = 1" for n in others]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    values = {place: rows(result) for place, result in results.items()}
    for name in next(iter(values.values())):
        cells = [name]
        for n in heads:
            mine = [100 * values[place][name] for place in sorted(values) if place[0] == n]
            cells.append(f"{statistics.mean(mine):.1f} ({', '.join(f'{value:.1f}' for value in mine)})")
        for n in others:
            pairs = [
                100 * (values[n, seed][name] - values[1, seed][name])
                for m, seed in sorted(values)
                if m == n and (1, seed) in values
            ]
            if len(pairs) < 2:
                cells.append("")
                continue
            error = statistics.stdev(pairs) / len(pairs) ** 0.5
            cells.append(f"{statistics.mean(pairs):+.1f} ± {error:.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    found = {}
    for path in sys.argv[1:]:
        place = re.search(r"n(\d+)-seed(\d+)\.json$", path)
        if not place:
            sys.exit(f"{path}: not named nN-seedS.json")
        with open(path, encoding="utf-8") as file:
            found[tuple(map(int, place.groups()))] = json.load(file)
    print(table(found) if found else "no results yet")
