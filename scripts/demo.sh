#!/usr/bin/env bash
# `make demo`: Python source of this machine to a trained byte-level model to text, decoded both ways.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=.build/release/foretoken
say() { printf '\n== %s\n' "$*"; }

if [[ ! -f data/demo/train.tokens ]]; then
    say "Corpus: the Python source on this machine (standard library and installed packages)"
    mapfile -t folders < <(python3 -c '
import os, site, sysconfig
paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "/usr/lib/python3", *site.getsitepackages()]
print(*dict.fromkeys(os.path.realpath(p) for p in paths if p and os.path.isdir(p)), sep="\n")')
    "$foretoken" prepare "${folders[@]}" --extension py --max-bytes 40000000 --out data/demo
fi

say "Training: about three minutes; Ctrl-C saves, and 'make demo' goes on from there"
"$foretoken" train Recipes/demo.yaml --out runs/demo

say "Held-out text: loss, bits per byte and acceptance of each head"
"$foretoken" evaluate loss --model runs/demo --data data/demo/validation.tokens

say "A sample: accepted drafts are green on a terminal"
"$foretoken" generate --model runs/demo --prompt 'def ' --max-tokens 200 --temperature 0.8 --seed 1

say "Held-out prompts, head 1 alone against all heads"
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens
echo
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens --temperature 0.8

say "Go on with: foretoken=.build/release/foretoken"
echo "  .build/release/foretoken generate --model runs/demo --prompt 'def ' --max-tokens 200 --temperature 0.8 --seed 2"
