#!/usr/bin/env bash
# Runs `swift test` with the given arguments and copies its output to a log. After a failure it repeats the failed tests and their
# issues at the end, for readers who see only the end.
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
