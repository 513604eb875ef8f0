#!/usr/bin/env bash
# All benchmarks of one GPU in at most eight minutes: correctness checks, memory, training, decoding, compared with PyTorch.
#   Benchmarks/gpu.sh [--dry-run] [OUT]
# Writes OUT/results.jsonl while running, the last lines of failed commands to OUT/errors.log, and OUT/report.md at the end (OUT:
# gpu-results). Short and important sections come first; each has a time budget, and a failure or timeout does not stop the next.
# `make gpu-bundle` creates a folder to run it on a machine without this checkout; LibTorch is taken from that machine's Python
# package torch.
#   --dry-run          tiny shapes on the CPU, to test this script (`make test`)
#   FORETOKEN=FILE     the command; default: the bundle's, or .build/release/foretoken
#   PYTHON=FILE        a Python with torch; default: python3. Without torch, PyTorch measurements are skipped
#   BUDGET_SECONDS=480 the total time budget
#   SECTIONS="device memory …" runs only these sections
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
# The caller's relative paths; everything below is relative to the checkout or the bundle.
out=$(realpath -m -- "${out:-gpu-results}")
foretoken=${FORETOKEN:+$(realpath -m -- "$FORETOKEN")}
python=$(command -v "${PYTHON:-python3}") || fail "${PYTHON:-python3} not found; set PYTHON"
python=$(cd -- "$(dirname -- "$python")" && pwd)/${python##*/}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
results=$out/results.jsonl
[[ -n $dry || ! -s $results ]] || fail "$results has results already; give another folder"
mkdir -p -- "$out" && : >"$results" && : >"$out/errors.log" || fail "$out cannot be written"
if [[ -z $foretoken ]]; then
    foretoken=.build/release/foretoken
    if [[ -f bin/foretoken.gz ]]; then
        [[ -x bin/foretoken ]] || { gunzip -k bin/foretoken.gz && chmod +x bin/foretoken; } || exit 1
        foretoken=bin/foretoken
    fi
fi
[[ -x $foretoken ]] || fail "$foretoken not found; run make build, or set FORETOKEN"
torch=$("$python" -c 'import torch; print(torch.__path__[0])' 2>/dev/null) || torch=
if [[ $foretoken == bin/* ]]; then
    [[ -n $torch ]] || fail "$python has no torch; the bundle needs its libraries; set PYTHON"
    export LD_LIBRARY_PATH=$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
begin=$SECONDS
total=${BUDGET_SECONDS:-480}
device=cuda
[[ -z $dry ]] || device=cpu

# MARK: running a measurement

section= section_end=0
# Starts a section with its budget, at most the remaining total budget.
section() { # NAME SECONDS
    local left=$((total - SECONDS + begin))
    [[ " ${SECTIONS:-$1} " == *" $1 "* ]] || left=0
    section=$1 section_end=$((SECONDS + ($2 < left ? $2 : left)))
    printf '== %s (%d s of %d left)\n' "$1" "$((section_end - SECONDS))" "$left" >&2
}

# Appends a JSON line: the measurement, its status, and the last JSON object that it printed.
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

# The time limit of one measurement in seconds.
cap=60

# Runs a command within the section's budget: measure SIDE NAME KEY=VALUE... -- COMMAND...
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

# Runs measurements in parallel; only for memory, whose peaks are independent, never for timing.
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
# On a CPU without bfloat16 instructions, bf16 is hundreds of times slower.
[[ -z $dry ]] || precision=f32
on=(--device "$device" --precision "$precision")

# MARK: the sections

section device 80
ours 'gradients and exact texts' -- bench device --device "$device" --model Models/python-bytes --exact --json
# If cuDNN attention fails, shows which other checks fail without it.
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
    # In parallel as far as all fit into memory: fewer processes at 1B, and n = 2 is skipped.
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
    # The budget is not checked during compilation.
    cap=60
    train_peer 300M regional $batch300 "${s300[@]}"
    train_peer 300M compile $batch300 "${s300[@]}"
fi

# Table S5: the training overhead of n heads at equal parameters; n = 4 is in the previous section.
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

# The loss of a short run, compared with the CPU's for the same seed and data.
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
# Untested on GPUs; last, so that a crash does not affect other sections.
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
    [[ -z $dry ]] || printf 'DRY RUN on the CPU: the figures are meaningless.\n\n'
    printf '%s; %s; LibTorch of %s\n\n' \
        "$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || echo 'no GPU')" \
        "$(uname -srm)" "${torch:-the build}"
    "$python" Benchmarks/gpu_table.py "$results"
    [[ ! -s $out/errors.log ]] || printf '\nThe last lines of failed commands are in errors.log.\n'
} >"$out/report.md"
cat "$out/report.md"
failed=$(grep -c '"status": "\(failed\|timeout\)"' "$results")
printf 'gpu.sh: %d s, %d failed or timed out; send the files of %s\n' $((SECONDS - begin)) "$failed" "$out" >&2
# A dry run fails on any failure; a measurement succeeds if any section has a result.
[[ -z $dry || $failed == 0 ]] && grep -q '"status": "ok"' "$results"
