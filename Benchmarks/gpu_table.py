"""The report of Benchmarks/gpu.sh: reads JSON lines, prints Markdown.

    python3 gpu_table.py results.jsonl

A line is {"section", "name", "side": "ours" or "pytorch", "seconds", "status", "reason", "result"}; "shape", "heads",
"objective" and "precision" may be in the line or in "result". Missing values leave a cell empty. The median of repeated
measurements is used.

>>> def line(section, side, name, seconds=2, status="ok", reason=None, **result):
...     entry = {"section": section, "name": name, "side": side, "seconds": seconds, "status": status, "shape": "300M"}
...     return json.dumps({**entry, "reason": reason, "result": result or None})
>>> MIB = 2**20
>>> lines = [
...     line("memory", "ours", "ours fused n=1", objective="fused", heads=1, peakTensorBytes=900 * MIB, transientBytes=90 * MIB),
...     line("memory", "ours", "ours fused n=4", objective="fused", heads=4, peakTensorBytes=880 * MIB, transientBytes=70 * MIB),
...     line("memory", "pytorch", "joint n=8", variant="joint", heads=8, outOfMemory=True),
...     line("memory", "pytorch", "PyTorch joint n=4", status="timeout", reason="60 s"),
...     line("train", "ours", "ours", objective="fused", heads=4, precision="bf16", tokensPerSecond=3000, utilisation=0.45),
...     line("train", "pytorch", "joint", variant="joint", heads=4, precision="bf16", tokensPerSecond=1500, mfu=0.225),
...     line("train", "pytorch", "compile", variant="compile", heads=4, precision="bf16", tokensPerSecond=2000, mfu=0.3),
...     line("decode", "ours", "ours", weights="bf16", passWidths=[1, 4], secondsPerPass=[0.002, 0.0025]),
...     line("decode", "pytorch", "PyTorch", precision="bf16", passWidths=[1, 4], milliseconds=[6, 6.6],
...          cudaGraphMilliseconds=[3, 3.3]),
...     line("tests", "ours", "self-test", checks=12),
...     line("tests", "ours", "two GPUs", 0, "skipped", "one GPU"),
...     '{"section": "tests", "na',
... ]
>>> print(report(lines))
| section | ok | skipped | timeout | seconds |
|---|---|---|---|---|
| memory | 3 | | 1 | 8 |
| train | 3 | | | 6 |
| decode | 2 | | | 4 |
| tests | 1 | 1 | | 2 |
<BLANKLINE>
Skipped 1 malformed line.
<BLANKLINE>
## memory
<BLANKLINE>
| peak MiB | n = 1 | n = 2 | n = 4 | n = 8 |
|---|---|---|---|---|
| 300M, ours fused | 900 | | 880 | |
| 300M, pytorch joint | | | timeout | out of memory |
<BLANKLINE>
| transient MiB | n = 1 | n = 2 | n = 4 | n = 8 |
|---|---|---|---|---|
| 300M, ours fused | 90 | | 70 | |
| 300M, pytorch joint | | | timeout | out of memory |
<BLANKLINE>
- joint n=8: out of memory
- PyTorch joint n=4: timeout: 60 s
<BLANKLINE>
## train
<BLANKLINE>
| | tokens/s | MFU | peak MiB | ours ÷ best PyTorch |
|---|---|---|---|---|
| 300M, n = 4, bf16, ours fused | 3,000 | 45.0% | | 1.50× (compile) |
| 300M, n = 4, bf16, pytorch joint | 1,500 | 22.5% | | |
| 300M, n = 4, bf16, pytorch compile | 2,000 | 30.0% | | |
<BLANKLINE>
## decode
<BLANKLINE>
| milliseconds of a pass | 1 token | 4 tokens | 4 ÷ 1 | best PyTorch ÷ ours, 1 token | 4 tokens |
|---|---|---|---|---|---|
| 300M, bf16, ours | 2.000 | 2.500 | 1.25× | 1.50× | 1.32× |
| 300M, bf16, PyTorch | 6.000 | 6.600 | 1.10× | | |
| 300M, bf16, PyTorch, CUDA graph | 3.000 | 3.300 | 1.10× | | |
<BLANKLINE>
## tests
<BLANKLINE>
| name | key | value |
|---|---|---|
| self-test | checks | 12 |
<BLANKLINE>
- two GPUs: skipped: one GPU
"""

import collections
import json
import re
import statistics
import sys

STATUSES = ["ok", "failed", "skipped", "timeout", "dry-run"]
OBJECTIVES = r"fused|sequential|joint|compile|regional|chunked"


def read(lines):
    """The entries, and the number of malformed lines."""
    entries, malformed = [], 0
    for line in filter(str.strip, lines):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            entries.append(entry)
        else:
            malformed += 1
    return entries, malformed


def result_of(entry):
    result = entry.get("result")
    return result if isinstance(result, dict) else {}


def field(entry, *keys):
    """The value of the first key found in the entry or its result; None if there is none."""
    sources = (entry, result_of(entry))
    return next((s[key] for s in sources for key in keys if s.get(key) is not None), None)


def number(value):
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def text(value):
    """A value as one short line for a table cell."""
    value = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    value = " ".join(value.replace("|", "\\|").split())
    return value if len(value) <= 200 else value[:199] + "…"


def name_of(entry):
    return text(entry.get("name") or entry.get("side") or "?")


def status_of(entry):
    return text(entry.get("status") or ("ok" if entry.get("result") is not None else "failed"))


def note(entry):
    """The reason for a missing number: out of memory, or the status; None if the measurement succeeded."""
    if result_of(entry).get("outOfMemory"):
        return "out of memory"
    return None if status_of(entry) == "ok" else status_of(entry)


def shape_of(entry):
    shape = field(entry, "shape")
    if isinstance(shape, dict):
        return ", ".join(f"{key} {text(value)}" for key, value in shape.items())
    found = re.search(r"\b\d+(\.\d+)?[MB]\b", name_of(entry))
    return text(shape) if shape is not None else found.group() if found else None


def heads_of(entry):
    heads = number(field(entry, "heads"))
    found = re.search(r"\bn ?= ?(\d+)", name_of(entry))
    return heads if heads is not None else int(found.group(1)) if found else None


def precision_of(entry):
    precision = field(entry, "precision", "weights")
    found = re.search(r"\b(f32|bf16|int8)\b", name_of(entry))
    return text(precision) if precision is not None else found.group() if found else None


def objective_of(entry):
    found = re.search(OBJECTIVES, name_of(entry))
    return text(field(entry, "objective", "variant") or (found.group() if found else name_of(entry)))


def side_of(entry):
    return text(entry.get("side") or "").lower()


def joined(*parts):
    return ", ".join(str(part) for part in parts if part)


def markdown(header, rows):
    line = lambda cells: "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
    return "\n".join([line(header), "|---" * len(header) + "|", *map(line, rows)])


def groups(pairs):
    """The values of each key as a list, in the order of first occurrence."""
    found = collections.OrderedDict()
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def has_number(entry, key):
    return number(result_of(entry).get(key)) is not None


def median(values):
    values = [v for v in map(number, values) if v is not None]
    return statistics.median(values) if values else None


def cell(values, write):
    value = median(values)
    return "" if value is None else write(value)


def cell_or_note(entries, key, write):
    """The median of the results' numbers, or the reason why there is none."""
    return cell((result_of(e).get(key) for e in entries), write) or next(filter(None, map(note, entries)), "")


def mebibytes(value):
    return f"{value / 2**20:,.0f}"


def expanded(entry):
    """Splits an entry whose result has lists over n, as of `foretoken bench memory`, into one entry for each n."""
    result = result_of(entry)
    if not isinstance(result.get("heads"), list):
        return [entry]
    lists = {key: values for key, values in result.items() if isinstance(values, list) and key != "heads"}
    scalars = {key: value for key, value in result.items() if not isinstance(value, list)}
    objectives = {key: {"peakTensorBytes": values} for key, values in lists.items() if not key.endswith("Bytes")}
    entries = []
    for objective, of in (objectives or {objective_of(entry): lists}).items():
        for index, heads in enumerate(result["heads"]):
            point = {key: values[index] for key, values in of.items() if index < len(values)}
            entries.append({**entry, "result": {**scalars, "objective": objective, "heads": heads, **point}})
    return entries


def memory(entries):
    entries = [point for entry in entries for point in expanded(entry) if heads_of(point) is not None]
    columns = sorted({1, 2, 4, 8}.union(map(heads_of, entries)))
    label = lambda e: joined(shape_of(e), precision_of(e), f"{side_of(e)} {objective_of(e)}".strip())
    tables = []
    for title, key in (("peak MiB", "peakTensorBytes"), ("transient MiB", "transientBytes")):
        if not any(has_number(e, key) for e in entries):
            continue
        rows = []
        for name, found in groups((label(e), e) for e in entries).items():
            cells = groups((heads_of(e), e) for e in found)
            rows.append([name] + [cell_or_note(cells.get(n, []), key, mebibytes) for n in columns])
        tables.append(markdown([title] + [f"n = {n}" for n in columns], rows))
    return "\n\n".join(tables)


def train(entries):
    settings, rows = groups(((shape_of(e), heads_of(e), precision_of(e)), e) for e in entries), []
    for (shape, heads, precision), peers in settings.items():
        found = groups(((side_of(e), objective_of(e)), e) for e in peers)
        speeds = {key: median(result_of(e).get("tokensPerSecond") for e in of) for key, of in found.items()}
        best = max((key for key in speeds if key[0] == "pytorch" and speeds[key]), key=speeds.get, default=None)
        for (side, objective), of in found.items():
            speed = speeds[side, objective]
            compared = f"{speed / speeds[best]:.2f}× ({best[1]})" if side == "ours" and best and speed is not None else ""
            rows.append([
                joined(shape, f"n = {heads}" if heads is not None else None, precision, f"{side} {objective}".strip()),
                cell_or_note(of, "tokensPerSecond", "{:,.0f}".format),
                cell((field(e, "mfu", "utilisation") for e in of), "{:.1%}".format),
                cell((result_of(e).get("peakTensorBytes") for e in of), mebibytes),
                compared,
            ])
    return markdown(["", "tokens/s", "MFU", "peak MiB", "ours ÷ best PyTorch"], rows)


def passes(result):
    """Milliseconds by the number of tokens of a pass: with kernel launches, and with CUDA graphs.

    >>> passes({"passes": [{"tokens": 1, "milliseconds": 2}, {"tokens": 4}]})
    ({1: 2}, {})
    >>> passes({"passWidths": [1, 4], "milliseconds": [3, None], "cudaGraphMilliseconds": [2, 2.5]})
    ({1: 3}, {1: 2, 4: 2.5})
    """
    listed = lambda key: result[key] if isinstance(result.get(key), list) else []
    pairs = [(p.get("tokens"), p.get("milliseconds")) for p in listed("passes") if isinstance(p, dict)]
    widths = listed("passWidths")
    pairs += zip(widths, listed("milliseconds"))
    pairs += [(width, 1000 * s) for width, s in zip(widths, listed("secondsPerPass")) if number(s) is not None]
    known = lambda pairs: {width: ms for width, ms in pairs if number(width) is not None and number(ms) is not None}
    return known(pairs), known(zip(widths, listed("cudaGraphMilliseconds")))


def decode(entries):
    found = collections.OrderedDict()
    for entry in entries:
        setting = (shape_of(entry), precision_of(entry), number(field(entry, "batch")) or 1)
        for suffix, times in zip(("", ", CUDA graph"), passes(result_of(entry))):
            for width, ms in times.items():
                rows = found.setdefault(setting, collections.OrderedDict())
                rows.setdefault((side_of(entry), name_of(entry) + suffix), {}).setdefault(width, []).append(ms)
    widths = sorted({width for rows in found.values() for times in rows.values() for width in times})
    tokens = lambda width: f"{width} token" + ("s" if width != 1 else "")
    header = ["milliseconds of a pass"] + [tokens(w) for w in widths] + [f"{w} ÷ {widths[0]}" for w in widths[1:]]
    header += [("best PyTorch ÷ ours, " if w == widths[0] else "") + tokens(w) for w in widths]
    lines = []
    for (shape, precision, batch), rows in found.items():
        times = {key: {w: median(of[w]) for w in of} for key, of in rows.items()}
        theirs = [of for (side, _), of in times.items() if side == "pytorch"]
        for (side, name), of in times.items():
            ratio = lambda over, under: f"{over / under:.2f}×" if over is not None and under else ""
            best = lambda w: min((peer[w] for peer in theirs if w in peer), default=None)
            cells = [f"{of[w]:.3f}" if w in of else "" for w in widths]
            cells += [ratio(of.get(w), of.get(widths[0])) for w in widths[1:]]
            cells += [ratio(best(w), of.get(w)) if side == "ours" else "" for w in widths]
            lines.append([joined(shape, precision, f"batch {batch}" if batch != 1 else None, name)] + cells)
    return markdown(header, lines)


fits_memory = lambda entry: heads_of(entry) is not None and has_number(entry, "peakTensorBytes")
# For each table, whether it can show an entry, and the function that renders it; other entries are listed key by key.
TABLES = {
    "memory": (lambda entry: any(map(fits_memory, expanded(entry))), memory),
    "decode": (lambda entry: any(passes(result_of(entry))), decode),
    "train": (lambda entry: has_number(entry, "tokensPerSecond") and not any(passes(result_of(entry))), train),
}


def tables_of(section):
    """The table of a section, or the candidates for a section without one."""
    return [TABLES[section]] if section in TABLES else [TABLES["decode"], TABLES["train"]]


def generic(entries):
    rows = []
    for entry in entries:
        result = entry.get("result")
        pairs = result.items() if isinstance(result, dict) else [("result", result)] if result is not None else []
        rows += [[name_of(entry), text(key), text(value)] for key, value in pairs if value is not None]
    return markdown(["name", "key", "value"], rows) if rows else None


def notes(entries):
    """Failures, one line for each entry.

    >>> notes([{"name": "a", "status": "ok", "result": {"cudaGraphSkipped": "no GPU"}}, {"name": "b", "status": "failed"}])
    '- a: no CUDA graph: no GPU\\n- b: failed'
    """
    lines = []
    for entry in entries:
        if note(entry):
            reason = entry.get("reason") or ""
            lines.append(f"- {name_of(entry)}: {note(entry)}" + (f": {text(reason)}" if reason else ""))
        if skipped := result_of(entry).get("cudaGraphSkipped"):
            lines.append(f"- {name_of(entry)}: no CUDA graph: {text(skipped)}")
    return "\n".join(lines) or None


def summary(sections):
    statuses = {status_of(e) for of in sections.values() for e in of}
    columns = [s for s in STATUSES if s in statuses] + sorted(statuses.difference(STATUSES))
    rows = []
    for section, of in sections.items():
        counts = collections.Counter(map(status_of, of))
        spent = sum(number(e.get("seconds")) or 0 for e in of)
        rows.append([section] + [str(counts[s] or "") for s in columns] + [f"{spent:.0f}"])
    return markdown(["section"] + columns + ["seconds"], rows)


def machine(entries):
    devices = sorted({text(d) for d in (result_of(e).get("device") for e in entries) if d and d not in ("cpu", "cuda")})
    versions = sorted({text(v) for v in (result_of(e).get("torch") for e in entries) if v})
    named = (("GPU", devices), ("PyTorch", versions))
    return "; ".join(f"{what}: {joined(*found)}" for what, found in named if found) or None


def report(lines):
    entries, malformed = read(lines)
    sections = groups((text(e.get("section") or "?"), e) for e in entries)
    parts = [summary(sections) if entries else "No results yet.", machine(entries)]
    if malformed:
        parts.append(f"Skipped {malformed} malformed line{'s' if malformed > 1 else ''}.")
    for section, of in sections.items():
        parts.append(f"## {section}")
        remaining = [e for e in of if not note(e)]
        for fits, table in tables_of(section):
            if any(map(fits, remaining)):
                parts.append(table([e for e in of if fits(e) or note(e) and section in TABLES]))
            remaining = [e for e in remaining if not fits(e)]
        parts += [generic(remaining), notes(of)]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        print(report(file))
