#!/usr/bin/env bash
# The tests that failed and the issues they recorded, from the log of a run that failed; where nothing failed but the run
# itself, such as by a crash, the end of the log.
#   scripts/failed-tests.sh LOG
set -uo pipefail
log=$1
list=$(grep -aE '✘|↳|recorded an issue|^error:|Fatal error' -- "$log" | grep -avE '↳ (Testing Library|Target Platform)' |
    cut -c -600 | tail -n 80)
[[ -n $list ]] || list=$(tail -n 20 -- "$log")
printf '\nFailed; all of it is in %s:\n%s\n' "$log" "$list"
