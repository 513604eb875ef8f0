#!/usr/bin/env bash
# `make demo`: Python source of this machine to a trained byte-level model to text, decoded both ways.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=.build/release/foretoken
say() { printf '\n== %s\n' "$*"; }

say "A model that was trained before (Models/python-bytes): eight heads, accepted drafts are green on a terminal"
"$foretoken" generate --model Models/python-bytes --prompt $'import os\nimport sys\n\n\ndef ' --max-tokens 300 --heads 8

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
"$foretoken" generate --model runs/demo --prompt 'def ' --max-tokens 200 --temperature 0.8 --seed 1 --heads 4

say "Held-out prompts, head 1 alone against all heads in every pass, then against as many as pay"
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens
echo
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens --temperature 0.8
echo
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens --adaptive

say "The published model on the same prompts, head 1 alone against as many heads as pay"
"$foretoken" evaluate decoding --model Models/python-bytes --data data/demo/validation.tokens --adaptive

say "The demo's model fits the processor's cache, where several tokens a pass cost arithmetic; one of 41 million parameters is read from memory, and they are nearly free:"
"$foretoken" bench decode --vocabulary 258 --width 512 --layers 12 --attention-heads 8 --head-kind linear \
    --pass-widths 1,2,4,8 --seconds 3

say "Go on with"
echo "  .build/release/foretoken generate --model runs/demo --prompt 'def ' --max-tokens 200 --temperature 0.8 --seed 2"
echo "  and open runs/demo/report.html"
