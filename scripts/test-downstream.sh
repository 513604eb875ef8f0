#!/usr/bin/env bash
# Builds and runs Examples/RunModel and Examples/EmbedForetoken as other packages would: against a repository, by version. SwiftPM
# then refuses unsafe flags in dependencies and uses committed files only.
set -euo pipefail
shopt -s inherit_errexit
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
work=$root/.build/downstream
rm -rf "$work/foretoken"
mkdir -p "$work"

# Commits the working tree (files that git tracks or would add) to a separate repository with a tag. Dates are fixed so that
# unchanged sources give the same commit and nothing is built twice.
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
# A new version each time: SwiftPM caches the commit of a version.
repository tag "0.0.$(date +%s)"

export FORETOKEN_REPOSITORY=file://$work/foretoken
build() { # NAME ARGUMENTS...: builds Examples/NAME outside the checkout and prints the path of its executable
    local name=$1
    shift
    rm -rf "${work:?}/$name"
    cp -r "Examples/$name" "$work/$name"
    rm -rf "$work/$name/.build"
    local package=(--package-path "$work/$name" --scratch-path "$work/build-$name" --security-path "$work/security")
    swift package "${package[@]}" update --quiet >&2
    swift build "${package[@]}" -c release --quiet "$@" >&2
    echo "$(swift build "${package[@]}" -c release "$@" --show-bin-path)/$name"
}

# A program that runs a model: a single executable without LibTorch.
program=$(PKG_CONFIG_PATH='' build RunModel --static-swift-stdlib)
libraries=$(ldd "$program")
if grep -Ei 'torch|c10|swift' <<<"$libraries"; then
    echo "test-downstream: RunModel links more than system libraries" >&2
    exit 1
fi
if [[ -e $work/build-RunModel/checkouts/swift-nio ]]; then
    echo "test-downstream: without the trait Server, the web server's packages are fetched" >&2
    exit 1
fi
strip -o "$work/RunModel.stripped" "$program"
size=$(stat -c %s "$work/RunModel.stripped")
((size <= 25000000)) || {
    echo "test-downstream: RunModel takes $size bytes" >&2
    exit 1
}
prompt='def add(a, b):'
text=$("$work/RunModel.stripped" Models/python-bytes "$prompt")
expected=$(.build/release/foretoken generate --model Models/python-bytes --prompt "$prompt" --max-tokens 120 --heads 1 2>"$work/errors")
[[ $prompt$text == "$expected" ]] || {
    printf 'test-downstream: RunModel wrote\n%s\nbut the command wrote\n%s\n' "$prompt$text" "$expected" >&2
    exit 1
}
echo "test-downstream: a package that depends on ForetokenDecoding only ($((size / 1000000)) MB, no LibTorch) writes the same text as the command"

# A program that trains, with only LibTorch from the checkout.
program=$(PKG_CONFIG_PATH=$root/.libtorch build EmbedForetoken)
output=$(LD_LIBRARY_PATH=$root/.libtorch/current/lib "$program" 2>"$work/errors") || {
    cat "$work/errors" >&2
    exit 1
}
printf '%s\n' "$output"
[[ $output == *"heads 2: "*" passes: the quick brown fox"* ]]
echo "test-downstream: a package that depends on Foretoken by version builds, trains and decodes"
