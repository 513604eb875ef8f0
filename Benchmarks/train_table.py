"""The tables of Benchmarks/train.sh: reads JSON lines, prints Markdown.

    python train_table.py results.jsonl

>>> ours = {"tokensPerSecond": 300, "gflops": 90, "gemmGflops": 120, "gemmShare": 0.8, "transientBytes": 2**20}
>>> peer = {"tokensPerSecond": 200, "transientBytes": 4 * 2**20}
>>> entries = [("ours", dict(ours, tokensPerSecond=speed)) for speed in (299, 300, 1000)]
>>> entries += [("ours, n = 1", dict(ours, tokensPerSecond=400, gflops=100))]
>>> entries += [("joint", peer), ("joint, glibc tuned", {"tokensPerSecond": 240, "transientBytes": None}), ("chunked", None)]
>>> print(table("bytes", entries))
bytes: ours 300 tokens/s (299 to 1000, 3 rounds), 90 GFLOP/s; its GEMMs alone 120 GFLOP/s, 80% of the step; transient 1 MiB
a step of n = 4 takes 1.333× that of n = 1 at equal layers; its FLOPs predict 1.200× (+11.1%)
<BLANKLINE>
| PyTorch | ours ÷ theirs | tokens/s | transient MiB | ours ÷ theirs |
|---|---|---|---|---|
| joint | 1.50× | 200 | 4 | 25% |
| joint, glibc tuned | 1.25× | 240 | | |
| chunked | failed in 1 of 1 rounds | | | |
<BLANKLINE>
"""

import collections
import json
import statistics
import sys


def middle(results, key):
    values = [r[key] for r in results if r.get(key) is not None]
    return statistics.median(values) if values else None


def median_ratio(results, over, under):
    return statistics.median(r[over] / r[under] for r in results)


def table(shape, entries):
    """`entries`: pairs of a name and its result, None if the command failed."""
    rounds = collections.defaultdict(list)
    for name, result in entries:
        rounds[name].append(result)
    done = {name: [r for r in results if r] for name, results in rounds.items()}
    ours = done.pop("ours", [])
    if not ours:
        return f"{shape}: ours failed in every round\n"
    speeds = [r["tokensPerSecond"] for r in ours]
    speed, held = statistics.median(speeds), middle(ours, "transientBytes")
    lines = [
        f"{shape}: ours {speed:.0f} tokens/s ({min(speeds):.0f} to {max(speeds):.0f}, {len(ours)} rounds), "
        f"{middle(ours, 'gflops'):.0f} GFLOP/s; its GEMMs alone {middle(ours, 'gemmGflops'):.0f} GFLOP/s, "
        f"{middle(ours, 'gemmShare'):.0%} of the step; transient {held / 2**20:.0f} MiB",
    ]
    if single := done.pop("ours, n = 1", None):
        time = middle(single, "tokensPerSecond") / speed
        flops = [median_ratio(results, "gflops", "tokensPerSecond") for results in (ours, single)]
        predicted = flops[0] / flops[1]
        lines.append(
            f"a step of n = 4 takes {time:.3f}× that of n = 1 at equal layers; its FLOPs predict {predicted:.3f}× "
            f"({time / predicted - 1:+.1%})"
        )
    lines += [
        "",
        "| PyTorch | ours ÷ theirs | tokens/s | transient MiB | ours ÷ theirs |",
        "|---|---|---|---|---|",
    ]
    for name, results in done.items():
        lost = len(rounds[name]) - len(results)
        note = f"failed in {lost} of {len(rounds[name])} rounds" if lost else ""
        if not results:
            lines.append(f"| {name} | {note} | | | |")
            continue
        peer, bytes_ = middle(results, "tokensPerSecond"), middle(results, "transientBytes")
        memory = f" {bytes_ / 2**20:.0f} | {held / bytes_:.0%} |" if bytes_ else " | |"
        lines.append(f"| {name} | {speed / peer:.2f}×{'; ' + note if note else ''} | {peer:.0f} |{memory}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    groups = collections.defaultdict(list)
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            groups[entry["shape"]].append((entry["name"], entry["result"]))
    for shape, entries in groups.items():
        print(table(shape, entries))
