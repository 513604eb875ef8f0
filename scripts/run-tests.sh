#!/usr/bin/env bash
# `swift test` with the given arguments. Its output goes on as it comes, and into a log; after a failure the tests that failed
# and what they recorded stand once more at the very end, for who keeps only the end.
#   scripts/run-tests.sh LOG [ARGUMENT]...
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit
log=$1
shift
mkdir -p -- "$(dirname -- "$log")"
swift test "$@" 2>&1 | tee -- "$log"
status=${PIPESTATUS[0]}
[[ $status -eq 0 ]] || bash scripts/failed-tests.sh "$log"
exit "$status"
