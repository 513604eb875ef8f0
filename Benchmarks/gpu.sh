#!/usr/bin/env bash
# The whole measurement of one GPU, in at most eight minutes: checks, memory, speed, decoding, PyTorch beside it.
#   Benchmarks/gpu.sh [--dry-run] [OUT]
# Writes OUT/results.jsonl as it goes, the last lines of what failed to OUT/errors.log, and OUT/report.md at the end (OUT:
# gpu-results). Sections come by value, the short ones first; each has a budget of seconds, and a failure or a time-out does
# not stop the next. `make gpu-bundle` makes a folder that runs it on a machine without this checkout; that machine's LibTorch is
# found through its Python's torch package.
#   --dry-run          tiny shapes on the CPU: the script tests itself (`make test`)
#   FORETOKEN=FILE     the command, else the bundle's or .build/release/foretoken
#   PYTHON=FILE        a Python with torch, else python3; without torch the PyTorch lines are skipped
#   BUDGET_SECONDS=480 for everything
#   SECTIONS="device memory …" only these
set -uo pipefail
unset CDPATH
fail() {
    echo "gpu.sh: $*" >&2
    exit 1
}
dry= out=
for argument in "$@"; do
    case $argument in
        --dry-run) dry=1 ;;
        -*) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; [[ $argument == --help ]]; exit $? ;;
        *) out=$argument ;;
    esac
done
# Relative names are the caller's; the rest is relative to the checkout or the bundle.
out=$(realpath -m -- "${out:-gpu-results}")
foretoken=${FORETOKEN:+$(realpath -m -- "$FORETOKEN")}
python=$(command -v "${PYTHON:-python3}") || fail "${PYTHON:-python3} is not there; set PYTHON"
python=$(cd -- "$(dirname -- "$python")" && pwd)/${python##*/}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
results=$out/results.jsonl
[[ -n $dry || ! -s $results ]] || fail "$results holds a measurement already; name another folder"
mkdir -p -- "$out" && : >"$results" && : >"$out/errors.log" || fail "$out cannot be written"
if [[ -z $foretoken ]]; then
    foretoken=.build/release/foretoken
    if [[ -f bin/foretoken.gz ]]; then
        [[ -x bin/foretoken ]] || { gunzip -k bin/foretoken.gz && chmod +x bin/foretoken; } || exit 1
        foretoken=bin/foretoken
    fi
fi
[[ -x $foretoken ]] || fail "$foretoken is not there; make build, or set FORETOKEN"
torch=$("$python" -c 'import torch; print(torch.__path__[0])' 2>/dev/null) || torch=
if [[ $foretoken == bin/* ]]; then
    [[ -n $torch ]] || fail "$python has no torch, whose libraries the bundle needs; set PYTHON"
    export LD_LIBRARY_PATH=$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
begin=$SECONDS
total=${BUDGET_SECONDS:-480}
device=cuda
[[ -z $dry ]] || device=cpu

# MARK: running one thing

section= section_end=0
# Begins a section: its budget, or what is left of the whole.
section() { # NAME SECONDS
    local left=$((total - SECONDS + begin))
    [[ " ${SECTIONS:-$1} " == *" $1 "* ]] || left=0
    section=$1 section_end=$((SECONDS + ($2 < left ? $2 : left)))
    printf '== %s (%d s of %d left)\n' "$1" "$((section_end - SECONDS))" "$left" >&2
}

# One JSON line: what ran, how it ended, and the last JSON object that it printed.
note() { # SIDE NAME STATUS SECONDS REASON RESULT KEY=VALUE...
    "$python" - "$section" "$@" >>"$results" <<'PYTHON'
import json, sys
section, side, name, status, seconds, reason, result, *keys = sys.argv[1:]
entry = {"section": section, "name": name, "side": side, "seconds": float(seconds), "status": status}
if reason:
    entry["reason"] = reason[-500:]
for key in keys:
    name, _, value = key.partition("=")
    entry[name] = int(value) if value.isdigit() else value
try:
    entry["result"] = json.loads(result)
except ValueError:
    entry["result"] = None
print(json.dumps(entry))
PYTHON
}

# Seconds that one measurement may take.
cap=60

# Runs a command within the section's time: measure SIDE NAME KEY=VALUE... -- COMMAND...
measure() {
    local side=$1 name=$2 keys=() start=$SECONDS left=$((section_end - SECONDS)) status=0 log reason=
    shift 2
    while [[ $1 != -- ]]; do keys+=("$1"); shift; done
    shift
    ((left < cap)) || left=$cap
    if ((left < 2)); then
        note "$side" "$name" skipped 0 'no time left' null "${keys[@]}"
        return
    fi
    if [[ $side == pytorch && -z $torch ]]; then
        note "$side" "$name" skipped 0 "$python has no torch" null "${keys[@]}"
        return
    fi
    log=$(mktemp)
    timeout -k 5 "$left" "$@" >"$log" 2>"$log.err" </dev/null || status=$?
    case $status in
        0) status=ok ;;
        124 | 137) status=timeout reason="after $left s" ;;
        *) reason="exit $status: $(tail -n 3 "$log.err" | tr '\n' ' ')" status=failed ;;
    esac
    [[ $status == ok ]] || { echo "== $section, $side $name: $reason"; tail -n 60 "$log.err"; } >>"$out/errors.log"
    note "$side" "$name" "$status" $((SECONDS - start)) "$reason" "$(grep '^{' "$log" | tail -n 1)" "${keys[@]}"
    printf '   %-7s %s %s%s\n' "$status" "$side" "$name" "${reason:+: $reason}" >&2
    rm -f "$log" "$log.err"
}

ours() { # NAME KEY=VALUE... -- ARGUMENTS...
    local before=() name=$1
    shift
    while [[ $1 != -- ]]; do before+=("$1"); shift; done
    shift
    measure ours "$name" "${before[@]}" -- "$foretoken" "$@"
}

# Several at once, whose peaks do not depend on each other. Never where something is timed.
running=0
beside() { # JOBS COMMAND...
    local jobs=$1
    shift
    "$@" &
    running=$((running + 1))
    if ((running >= jobs)); then wait -n; running=$((running - 1)); fi
}
all_done() { wait; running=0; }

# MARK: shapes

# The paper's sizes: V 32,000, T 4,096.
s300=(--vocabulary 32000 --width 1024 --layers 24 --attention-heads 16 --context 4096)
s1b=(--vocabulary 32000 --width 2048 --layers 22 --attention-heads 32 --key-value-heads 4 --context 4096)
d1b=(--vocabulary 32000 --width 2048 --layers 22 --attention-heads 32 --key-value-heads 4)
batch300=4 batch1b=2 heads=(1 2 4 8) steps=(--steps 10) filled=512 decode_seconds=3 run_steps=600 jobs=4
peer_steps=(--warm-up 2 --steps 10)
if [[ -n $dry ]]; then
    s300=(--vocabulary 300 --width 64 --layers 9 --attention-heads 2 --context 32)
    s1b=(--vocabulary 300 --width 64 --layers 9 --attention-heads 4 --key-value-heads 2 --context 32)
    d1b=(--vocabulary 300 --width 64 --layers 9 --attention-heads 4 --key-value-heads 2)
    batch300=2 batch1b=1 heads=(1 8) steps=(--steps 1) filled=16 decode_seconds=0.1 run_steps=20 jobs=1
    peer_steps=(--warm-up 1 --steps 1)
fi
precision=bf16
# Without the instructions bf16 is hundreds of times slower on a CPU.
[[ -z $dry ]] || precision=f32
on=(--device "$device" --precision "$precision")

# MARK: the sections

section device 80
ours 'gradients and exact texts' -- bench device --device "$device" --model Models/python-bytes --exact --json
# Where cuDNN's attention fails, the checks without it still say what else does.
[[ -n $dry ]] || ! grep -q '"status": "failed"' "$results" ||
    measure ours 'the same without cuDNN attention' -- env TORCH_CUDNN_SDPA_DEPRIORITIZED=1 "$foretoken" bench device \
        --device "$device" --json

section collectives 20
ours 'one rank' -- bench device --device "$device" --no-gradients --collectives --json

section texts 20
ours 'texts without --exact' -- bench device --device "$device" --model Models/python-bytes --no-gradients --json

section memory 110
for shape in 300M 1B; do
    sizes=("${s300[@]}")
    at_once=$jobs
    [[ $shape == 300M ]] || sizes=("${s1b[@]}") at_once=$(((jobs + 1) / 2))
    ours "$shape" shape=$shape precision=$precision -- bench memory "${sizes[@]}" --batch 1 "${on[@]}" --heads "${heads[@]}" --json
    # Several processes at once, whose peaks do not depend on each other as long as all fit: fewer at 1B, and n = 2 is left out.
    for n in "${heads[@]}"; do
        [[ $shape$n != 1B2 ]] || continue
        for variant in sequential joint; do
            beside "$at_once" measure pytorch "$shape $variant n = $n" shape=$shape \
                objective=$variant heads="$n" precision=$precision -- "$python" Benchmarks/pytorch_train.py "${on[@]}" \
                "${sizes[@]}" --batch 1 --heads "$n" --variant $variant --warm-up 1 --steps 1 --budget-seconds 15
        done
    done
    all_done
done

train_ours() { # SHAPE OBJECTIVE HEADS BATCH ARGUMENTS...
    ours "$1 $2 n = $3" shape="$1" objective="$2" heads="$3" precision=$precision -- bench train "${@:5}" --batch "$4" \
        "${on[@]}" --heads "$3" --objective "$2" "${steps[@]}" --no-gemm --json
}
train_peer() { # SHAPE VARIANT BATCH ARGUMENTS...
    measure pytorch "$1 $2" shape="$1" objective="$2" heads=4 precision=$precision -- "$python" Benchmarks/pytorch_train.py \
        "${on[@]}" "${@:4}" --batch "$3" --heads 4 --variant "$2" "${peer_steps[@]}" --budget-seconds 20
}
section train 150
cap=30
train_ours 300M fused 4 $batch300 "${s300[@]}"
train_peer 300M sequential $batch300 "${s300[@]}"
train_ours 300M sequential 4 $batch300 "${s300[@]}"
train_ours 1B fused 4 $batch1b "${s1b[@]}"
train_peer 1B sequential $batch1b "${s1b[@]}"
train_peer 300M joint $batch300 "${s300[@]}"
if [[ -z $dry ]]; then
    # The budget does not reach into a compilation.
    cap=60
    train_peer 300M regional $batch300 "${s300[@]}"
    train_peer 300M compile $batch300 "${s300[@]}"
fi

# Table S5: what n heads cost at equal parameters; n = 4 is in the section before.
section overhead 40
cap=20
for n in 1 2; do
    for objective in sequential fused; do train_ours 300M $objective $n $batch300 "${s300[@]}"; done
done

weights=(--device "$device" --weights bf16)
[[ -z $dry ]] || weights=(--weights bf16)
section decode 100
cap=30
for batch in 1 8 32; do
    ours ours shape=1B weights=bf16 batch=$batch -- bench decode "${d1b[@]}" --heads 1 \
        --filled $filled --pass-widths 1,4 --batch $batch --seconds $decode_seconds "${weights[@]}" --json
    measure pytorch 'PyTorch eager' shape=1B precision=bf16 batch=$batch -- "$python" Benchmarks/pytorch_reference.py \
        --device "$device" --precision bf16 "${d1b[@]}" --head-kind parallel --inner 0 --heads 1 --batch $batch \
        --filled $filled --pass-tokens 1,4 --seconds $decode_seconds
done

# Loss of a short run beside the CPU's, the same seed and data.
section run 45
cap=45
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
stdlib=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
ours 'data' -- prepare "$stdlib" --extension py --max-bytes 4000000 --out "$data/shards" --json
train_run() { # NAME DEVICE
    ours "$1" -- train Recipes/demo.yaml --out "$data/$1" --set training.minutes=null --set training.steps=$run_steps \
        --set training.device="$2" --set data.train="$data/shards/train.tokens" \
        --set data.validation="$data/shards/validation.tokens" --set training.validationEvery=0 --json
}
train_run device "$device"
train_run processor cpu
# No GPU has run these before: last, so that a crash costs nothing else.
section graphs 60
ours 'captured steps and passes' -- bench device --device "$device" --model Models/python-bytes --exact --cuda-graphs --precisions f32 --json
ours '300M fused, captured' shape=300M objective=captured heads=4 precision=$precision -- \
    bench train "${s300[@]}" --batch $batch300 "${on[@]}" --heads 4 "${steps[@]}" --no-gemm --cuda-graphs --json
graphs=(--cuda-graphs)
[[ -z $dry ]] || graphs=()
ours 'ours, CUDA graphs' shape=1B weights=bf16 batch=1 -- bench decode "${d1b[@]}" --heads 1 --filled $filled \
    --pass-widths 1,4 --seconds $decode_seconds "${weights[@]}" "${graphs[@]}" --json
measure pytorch PyTorch shape=1B precision=bf16 batch=1 -- "$python" Benchmarks/pytorch_reference.py \
    --device "$device" --precision bf16 "${d1b[@]}" --head-kind parallel --inner 0 --heads 1 --batch 1 \
    --filled $filled --pass-tokens 1,4 --cuda-graph --seconds $decode_seconds

{
    printf '# GPU benchmark, %s\n\n' "$(date -u +%F)"
    [[ -z $dry ]] || printf 'DRY RUN on the CPU: the figures mean nothing.\n\n'
    printf '%s; %s; LibTorch of %s\n\n' \
        "$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || echo 'no GPU')" \
        "$(uname -srm)" "${torch:-the build}"
    "$python" Benchmarks/gpu_table.py "$results"
    [[ ! -s $out/errors.log ]] || printf '\nThe last lines of what failed are in errors.log.\n'
} >"$out/report.md"
cat "$out/report.md"
failed=$(grep -c '"status": "\(failed\|timeout\)"' "$results")
printf 'gpu.sh: %d s, %d failed or timed out; send the files of %s\n' $((SECONDS - begin)) "$failed" "$out" >&2
# A dry run is a test; a measurement that has gaps is still a measurement.
[[ -z $dry || $failed == 0 ]] && grep -q '"status": "ok"' "$results"
