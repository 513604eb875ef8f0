"""The table of Benchmarks/decode.sh: reads JSON lines, prints Markdown; medians over rounds.

    python decode_table.py results.jsonl

>>> ours = {"tokensPerSecond": 90, "passWidths": [1, 4], "secondsPerPass": [0.01, 0.012], "streamBytesPerSecond": 4e10, "bytesPerSecond": 38e9}
>>> peer = {"tokensPerSecond": 60, "passWidths": [1, 4], "secondsPerPass": [0.02, 0.03]}
>>> rows = [("110M", "f32", "ours", ours), ("110M", "f32", "llama.cpp", peer), ("110M", "f32", "PyTorch eager", {"tokensPerSecond": 30})]
>>> print(table(rows))
| shape, weights | tokens/s | read rate | ours ÷ llama.cpp | ours ÷ PyTorch eager | pass of 4: ours | llama.cpp |
|---|---|---|---|---|---|---|
| 110M, f32 | 90 | 38 GB/s, 95% of a stream | 1.50× | 3.00× | 1.20× | 1.50× |
"""

import collections
import json
import statistics
import sys

median = statistics.median


def table(rows):
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for shape, weights, name, result in rows:
        if result:
            groups[shape, weights][name].append(result)
    peers = [p for p in ("llama.cpp", "PyTorch eager") if any(p in g for g in groups.values())]
    widths = next(iter(groups.values()))["ours"][0]["passWidths"][1:]
    wide = lambda results, i: median(r["secondsPerPass"][i] / r["secondsPerPass"][0] for r in results)
    head = ["shape, weights", "tokens/s", "read rate"] + [f"ours ÷ {p}" for p in peers]
    head += [cell for w in widths for cell in ([f"pass of {w}: ours"] + ["llama.cpp"] * ("llama.cpp" in peers))]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for (shape, weights), group in groups.items():
        ours = group["ours"]
        rate = f"{median(r['bytesPerSecond'] for r in ours) / 1e9:.0f} GB/s"
        streams = [r["bytesPerSecond"] / r["streamBytesPerSecond"] for r in ours if r.get("streamBytesPerSecond")]
        cells = [f"{shape}, {weights}", f"{median(r['tokensPerSecond'] for r in ours):.0f}", rate + (f", {median(streams):.0%} of a stream" if streams else "")]
        for peer in peers:
            pairs = list(zip(ours, group[peer]))
            cells.append(f"{median(a['tokensPerSecond'] / b['tokensPerSecond'] for a, b in pairs):.2f}×" if pairs else "")
        for i, _ in enumerate(widths, 1):
            cells.append(f"{wide(ours, i):.2f}×")
            if "llama.cpp" in peers:
                cells.append(f"{wide(group['llama.cpp'], i):.2f}×" if group["llama.cpp"] else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    lines = map(json.loads, open(sys.argv[1]))
    print(table([(r["shape"], r["weights"], r["name"], r["result"]) for r in lines]))
