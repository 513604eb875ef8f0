#!/usr/bin/env bash
# The paper's two synthetic tasks, scaled down for two cores, with n = 1, 2, 4 and three seeds (see the comments of the recipes):
#   Benchmarks/tasks.sh [arithmetic|induction]...
# HEADS="1 2 4", SEEDS="1 2 3", OUT=runs/tasks, THREADS=1. SET="training.steps=50 model.width=32" overrides the recipes.
# The same command resumes an interrupted grid, including an interrupted training.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=${FORETOKEN:-.build/release/foretoken}
out=${OUT:-runs/tasks}
declare -A data=(
    [arithmetic]="--modulus 3 --degree 2 --operations 2 --documents 400000"
    [induction]="--vocabulary 1024 --documents 50000 --stories 300"
)
export OMP_NUM_THREADS=${THREADS:-1}
[[ $# -gt 0 ]] || set -- arithmetic induction
for task in "$@"; do
    folder=$out/$task
    # test.jsonl is written last, so a folder with it is complete.
    if [[ ! -e $folder/data/test.jsonl ]]; then
        read -ra options <<<"${data[$task]:?}"
        "$foretoken" evaluate "$task" --write-data "$folder/data" "${options[@]}"
    fi
    # Seeds are the outer loop, so that an incomplete grid compares all n.
    for seed in ${SEEDS:-1 2 3}; do
        for heads in ${HEADS:-1 2 4}; do
            run=$folder/n$heads-seed$seed
            [[ -s $run.json ]] && continue
            overrides=(--set "data.train=$folder/data/train.tokens" --set "data.validation=$folder/data/validation.tokens"
                --set "model.heads=$heads" --set "seed=$seed" --set "training.threads=$OMP_NUM_THREADS")
            for setting in ${SET:-}; do overrides+=(--set "$setting"); done
            nice -n 19 "$foretoken" train "Recipes/$task-small.yaml" --out "$run" "${overrides[@]}"
            nice -n 19 "$foretoken" evaluate "$task" --model "$run" --out "$run.jsonl" --threads "$OMP_NUM_THREADS" --json \
                >"$run.partial"
            mv "$run.partial" "$run.json"
        done
    done
done
for task in "$@"; do python3 Benchmarks/tasks_table.py "$out/$task"/n*-seed*.json; done
