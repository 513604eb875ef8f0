#!/usr/bin/env bash
# `make demo`: trains a byte-level model on this machine's Python source and decodes with and without drafts.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
foretoken=.build/release/foretoken
say() { printf '\n== %s\n' "$*"; }

say "The published model (Models/python-bytes) with eight heads; accepted drafts are green on a terminal"
"$foretoken" generate --model Models/python-bytes --prompt $'import os\nimport sys\n\n\ndef ' --max-tokens 300 --heads 8

if [[ ! -f data/demo/train.tokens ]]; then
    say "Corpus: the Python source on this machine (standard library and installed packages)"
    mapfile -t folders < <(python3 -c '
import os, site, sysconfig
paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "/usr/lib/python3", *site.getsitepackages()]
print(*dict.fromkeys(os.path.realpath(p) for p in paths if p and os.path.isdir(p)), sep="\n")')
    "$foretoken" prepare "${folders[@]}" --extension py --max-bytes 40000000 --out data/demo
fi

say "Training: about three minutes; Ctrl-C saves a checkpoint, and 'make demo' resumes from it"
"$foretoken" train Recipes/demo.yaml --out runs/demo

say "Held-out text: loss, bits per byte and acceptance of each head"
"$foretoken" evaluate loss --model runs/demo --data data/demo/validation.tokens

say "Generated text; accepted drafts are green on a terminal"
"$foretoken" generate --model runs/demo --prompt 'def ' --max-tokens 200 --temperature 0.8 --seed 1 --heads 4

say "Held-out prompts: next-token decoding against all heads in every pass, then against adaptive draft length"
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens
echo
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens --temperature 0.8
echo
"$foretoken" evaluate decoding --model runs/demo --data data/demo/validation.tokens --adaptive

say "The published model on the same prompts: next-token decoding against adaptive draft length"
"$foretoken" evaluate decoding --model Models/python-bytes --data data/demo/validation.tokens --adaptive

say "The demo's model fits the processor's cache, so a pass of several tokens is compute-bound; a model of 41 million parameters is memory-bound, and the additional tokens are almost free:"
"$foretoken" bench decode --vocabulary 258 --width 512 --layers 12 --attention-heads 8 --head-kind linear \
    --pass-widths 1,2,4,8 --seconds 3

say "Next steps"
echo "  .build/release/foretoken generate --model runs/demo --prompt 'def ' --max-tokens 200 --temperature 0.8 --seed 2"
echo "  open runs/demo/report.html"
