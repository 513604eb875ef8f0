#!/usr/bin/env bash
# `make try`: builds the command without LibTorch and generates text with the published model.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
echo "try: building the foretoken command: two to three minutes on two cores; only Swift packages are downloaded"
# shellcheck disable=SC2086 # several words
swift build ${SWIFT_FLAGS:--c release} --product foretoken
foretoken=.build/release/foretoken
for prompt in $'import os\nimport sys\n\n\ndef ' $'class '; do
    printf '\n'
    "$foretoken" generate --model Models/python-bytes --prompt "$prompt" --max-tokens 200 --temperature 0.5 --seed 1
done
cat <<'TEXT'

Green text came from accepted drafts of heads 2 to 8: the model wrote several bytes per forward pass, and the text is exactly that of
next-token decoding. Next steps:
  .build/release/foretoken generate --model Models/python-bytes --prompt 'for ' --temperature 0.5
  make demo      LibTorch, and a model of your own in three minutes of training
TEXT
