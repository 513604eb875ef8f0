#!/usr/bin/env bash
# Checks that a refactoring preserved behaviour: compares two builds of `foretoken` on this machine bitwise.
#   scripts/compare-builds.sh BEFORE AFTER [FOLDER]
# Compares token shards; losses, final weights and optimizer state after 20 steps of the demo's recipe, of one recipe for each
# head kind and of a run with two ranks; and texts of Models/python-bytes for 50 prompts, greedy and sampled, with f32, bf16
# and int8 weights. Times are excluded. Not part of `make test`, which has no earlier build.
set -euo pipefail
unset CDPATH
before=$(realpath -- "$1") after=$(realpath -- "$2")
work=$(realpath -m -- "${3:-$(mktemp -d)}")
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
mkdir -p "$work"
different=0
check() { # WHAT FILE FILE
    if cmp -s "$2" "$3"; then echo "same       $1"; else
        echo "DIFFERENT  $1: $2 $3"
        different=1
    fi
}
# The metrics of a run without times and memory.
losses() {
    python3 - "$1/metrics.jsonl" <<'PYTHON'
import json, sys
for line in open(sys.argv[1]):
    record = json.loads(line)
    print({key: value for key, value in record.items() if key not in ("tokensPerSecond", "time", "peakBytes")})
PYTHON
}
train() { # NAME ARGUMENTS...
    local name=$1 side
    shift
    for side in before after; do
        "${!side}" train Recipes/demo.yaml --out "$work/$side/$name" --set data.train="$work/before/data/train.tokens" \
            --set data.validation="$work/before/data/validation.tokens" --set training.minutes=null \
            --set training.steps=20 --set training.logEvery=1 --set training.validationEvery=10 \
            --set training.checkpointEvery=20 --set training.threads=2 "$@" 2>"$work/$side/$name.log" >/dev/null ||
            { tail -n 5 "$work/$side/$name.log" >&2; exit 1; }
        losses "$work/$side/$name" >"$work/$side/$name.losses"
    done
    check "$name: losses" "$work"/{before,after}/"$name.losses"
    local files
    files=$(cd "$work/before/$name/checkpoints/step-000020" && find . -name '*.safetensors' | sort)
    [[ -n $files ]]
    while read -r file; do
        check "$name: $file" "$work"/{before,after}/"$name/checkpoints/step-000020/$file"
    done <<<"$files"
}
for side in before after; do
    rm -rf "${work:?}/$side"
    mkdir -p "$work/$side"
    "${!side}" prepare Sources Benchmarks scripts --out "$work/$side/data" --validation-fraction 0.2 >/dev/null 2>"$work/$side/prepare.log" ||
        { tail -n 5 "$work/$side/prepare.log" >&2; exit 1; }
done
for name in train validation; do check "shard: $name" "$work"/{before,after}/"data/$name.tokens"; done
train demo
for kind in parallel causal anticausal deepseek; do train "$kind" --set model.headKind=$kind --set model.layers=6; done
train masked --set model.headKind=parallel --set model.layers=6 --set model.documentMask=true --set training.objective=sequential
train two-ranks --processes 2 --set training.threads=1

python3 - "$work/prompts.jsonl" <<'PYTHON'
import json, sys
starts = ["import ", "def ", "class A", "for i in ", "# The ", "x = [", "if __name__", "return ", "try:\n    ", "print("]
with open(sys.argv[1], "w") as file:
    for index in range(50):
        file.write(json.dumps({"prompt": starts[index % 10] + "abcde"[index // 10] * (index // 10)}) + "\n")
PYTHON
for format in f32 bf16 int8; do
    for temperature in 0 0.8; do
        name=texts-$format-$temperature
        for side in before after; do
            "${!side}" generate --model Models/python-bytes --prompts "$work/prompts.jsonl" --out "$work/$side/$name.jsonl" \
                --weights $format --temperature $temperature --seed 1 --max-tokens 120 --heads 4 --threads 2 2>"$work/$side/$name.log" ||
                { tail -n 5 "$work/$side/$name.log" >&2; exit 1; }
            # Only the text: the digest of model and settings may differ between builds.
            python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.loads(line)["completion"])' "$work/$side/$name.jsonl" >"$work/$side/$name.text"
        done
        check "$name" "$work"/{before,after}/"$name.text"
    done
done
((different == 0)) && echo "compare-builds: everything is bitwise the same" || { echo "compare-builds: behaviour changed" >&2; exit 1; }
