#!/usr/bin/env bash
# `make try`: builds the command without LibTorch, and lets the published model write.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
echo "try: building the foretoken command: two to three minutes on two cores, nothing is downloaded but Swift packages"
# shellcheck disable=SC2086 # several words
swift build ${SWIFT_FLAGS:--c release} --product foretoken
foretoken=.build/release/foretoken
for prompt in $'import os\nimport sys\n\n\ndef ' $'class '; do
    printf '\n'
    "$foretoken" generate --model Models/python-bytes --prompt "$prompt" --max-tokens 200 --temperature 0.5 --seed 1
done
cat <<'TEXT'

Text in green came from accepted drafts of heads 2 to 8: the model wrote several bytes in one forward pass, and exactly what it writes
one byte at a time. Go on with
  .build/release/foretoken generate --model Models/python-bytes --prompt 'for ' --temperature 0.5
  make demo      LibTorch, and a model of your own in three minutes of training
TEXT
