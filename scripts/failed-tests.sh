#!/usr/bin/env bash
# Prints the failed tests and their issues from the log of a failed run, or the end of the log if no test failed but the run
# did, for example because of a crash.
#   scripts/failed-tests.sh LOG
set -uo pipefail
log=$1
list=$(grep -aE '✘|↳|recorded an issue|^error:|Fatal error' -- "$log" | grep -avE '↳ (Testing Library|Target Platform)' |
    cut -c -600 | tail -n 80)
[[ -n $list ]] || list=$(tail -n 20 -- "$log")
printf '\nFailed; the full log is %s:\n%s\n' "$log" "$list"
