#!/usr/bin/env bash
# `make serve`: builds the server without LibTorch and serves a model on this machine.
#   MODEL: a run, a model folder or a GGUF file; the published model if unset. PORT: 8000 if unset.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
echo "serve: building foretoken-server: five minutes on two cores the first time; only Swift packages are downloaded"
# A folder of its own: with the trait, SwiftPM would compile the other products again.
swift build -c release --traits Server --static-swift-stdlib --scratch-path .build-server --product foretoken-server
exec .build-server/release/foretoken-server --model "${MODEL:-Models/python-bytes}" --port "${PORT:-8000}"
