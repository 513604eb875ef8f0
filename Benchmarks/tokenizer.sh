#!/usr/bin/env bash
# Encoding on one thread, Foretoken and Hugging Face's `tokenizers` in alternation, ratios first:
#   Benchmarks/tokenizer.sh [FOLDER]     source files, by default Python's library; ROUNDS=3, FILES=400, of which a quarter is timed
# Needs a Python with tokenizers (BENCH_PYTHON, default python3). WORK=FOLDER keeps the trained tokenizers; PREPARE=only stops
# after training them.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=${FORETOKEN:-.build/release/foretoken}
python=${BENCH_PYTHON:-python3}
folder=${1:-$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')}
work=${WORK:-}
if [[ -z $work ]]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"
rm -f "$work/results"
# Valid UTF-8 only: the owner takes nothing else. The fixtures add text in other scripts.
"$python" - "$folder" "${FILES:-400}" >"$work/files" <<'PYTHON'
import pathlib, sys
count = int(sys.argv[2])
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    if count == 0: break
    if "site-packages" in path.parts or not 2000 < path.stat().st_size < 200_000: continue
    try: path.read_bytes().decode()
    except UnicodeDecodeError: continue
    print(path)
    count -= 1
PYTHON
mapfile -t files <"$work/files"
mixed=$work/mixed.txt
"$python" - "$mixed" <<'PYTHON'
import json, sys
cases = json.load(open("Tests/ForetokenTextTests/Fixtures/tokenizers/cases.json"))
with open(sys.argv[1], "w", newline="") as file:
    for _ in range(20): file.writelines(c["text"] + "\n" for c in cases)
PYTHON
for words in gpt2 llama3 qwen2; do
    [[ -f $work/$words/tokenizer.json ]] || "$foretoken" prepare "${files[@]}" "$mixed" --max-file-bytes 10000000 --validation-fraction 0 \
        --train-tokenizer "bpe:32000:$words" --out "$work/$words" >/dev/null
done
[[ ${PREPARE:-} != only ]] || exit 0
for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
    for words in gpt2 llama3 qwen2; do
        for text in source mixed; do
            if [[ $text == source ]]; then names=("${files[@]:0:${#files[@]}/4}"); else names=("$mixed"); fi
            "$foretoken" bench tokenizer "${names[@]}" --tokenizer "$work/$words/tokenizer.json" --json |
                sed "s/^/{\"side\": \"ours\", \"case\": \"$words, $text\", \"result\": /; s/\$/}/" >>"$work/results"
            "$python" Benchmarks/tokenizers_reference.py "$work/$words/tokenizer.json" "${names[@]}" |
                sed "s/^/{\"side\": \"theirs\", \"case\": \"$words, $text\", \"result\": /; s/\$/}/" >>"$work/results"
        done
    done
done
"$python" - "$work/results" <<'PYTHON'
import collections, json, statistics, sys
groups = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    entry = json.loads(line)
    groups[entry["case"]][entry["side"]].append(entry["result"])
middle = lambda results, key: statistics.median(r[key] for r in results)
for case, sides in groups.items():
    ours, theirs = sides["ours"], sides["theirs"]
    same = len({r["digest"] for r in ours + theirs}) == 1
    row = lambda key: f"{middle(ours, key):7.1f} / {middle(theirs, key):5.1f} MB/s ({middle(ours, key) / middle(theirs, key):5.1f}x)"
    print(f"{case:16} {row('megabytesPerSecond')}, first time {row('firstMegabytesPerSecond')}, "
          f"load {middle(ours, 'loadSeconds'):.2f} / {middle(theirs, 'loadSeconds'):.2f} s, "
          f"{ours[0]['megabytes']:.1f} MB, tokens {'agree' if same else 'DIFFER'}")
print("tokenizers", theirs[0]["version"], "(encode_batch_fast, one thread)")
sys.exit(0 if all(len({r["digest"] for s in g.values() for r in s}) == 1 for g in groups.values()) else 1)
PYTHON
