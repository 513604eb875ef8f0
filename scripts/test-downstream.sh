#!/usr/bin/env bash
# Builds and runs Examples/EmbedForetoken as another package would: against a repository, by version. SwiftPM then refuses
# unsafe flags in what it depends on, and takes nothing that is not committed.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
work=$root/.build/downstream
rm -rf "$work/foretoken" "$work/app"
mkdir -p "$work"

# What git would commit of the working tree, as one tagged commit in a repository of its own. The dates are fixed so that
# unchanged sources make the same commit and nothing is built twice.
mkdir "$work/foretoken"
git ls-files -z --cached --others --exclude-standard -- Package.swift Sources Tests |
    while IFS= read -r -d '' file; do [[ -f $file ]] && printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory "$work/foretoken"
repository() {
    GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null \
        GIT_AUTHOR_DATE='2000-01-01T00:00:00Z' GIT_COMMITTER_DATE='2000-01-01T00:00:00Z' \
        git -C "$work/foretoken" -c user.name=test -c user.email=test@localhost "$@"
}
repository init --quiet --initial-branch main
repository add --all
repository commit --quiet --message Foretoken
# A version of its own each time: SwiftPM remembers what a version was.
repository tag "0.0.$(date +%s)"

# Outside the checkout's own package, with only LibTorch from it.
cp -r Examples/EmbedForetoken "$work/app"
rm -rf "$work/app/.build"
export PKG_CONFIG_PATH=$root/.libtorch FORETOKEN_REPOSITORY=file://$work/foretoken
package=(--package-path "$work/app" --scratch-path "$work/build" --security-path "$work/security")
swift package "${package[@]}" update --quiet
build=(swift build "${package[@]}" -c release)
"${build[@]}" --quiet
output=$(LD_LIBRARY_PATH=$root/.libtorch/current/lib "$("${build[@]}" --show-bin-path)/EmbedForetoken" 2>"$work/errors") || {
    cat "$work/errors" >&2
    exit 1
}
printf '%s\n' "$output"
[[ $output == *"heads 2: "*" passes: the quick brown fox"* ]]
echo "test-downstream: a package that depends on Foretoken by version builds, trains and decodes"
