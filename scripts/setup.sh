#!/usr/bin/env bash
# Finds LibTorch, or installs it into .libtorch/ of this checkout, and describes it to SwiftPM.
# `scripts/setup.sh --help` lists its settings. If LibTorch is ready, another run only checks a few files.
set -euo pipefail
unset CDPATH

readonly default=2.13.0   # version of the PyPI wheel, if no LibTorch is given
readonly pinned=${FORETOKEN_TORCH:-$default}
readonly pinned_cuda=13   # the CUDA release that wheel is built for
readonly oldest_minor=11 newest_minor=15
readonly oldest_swift=6.2
readonly layout=1         # version of the contents of .libtorch/; increase it when they change

# Upper limits in MB: download, disk space while installing, disk space afterwards; measured with 2.13.0 on x86-64.
readonly small_sizes=(540 1200 530)
readonly gpu_sizes=(2540 5300 3900)

readonly usage="usage: scripts/setup.sh

Finds LibTorch 2.$oldest_minor to 2.$newest_minor for Foretoken, in this order:
  LIBTORCH=FOLDER          a folder with lib/ and include/
  LIBTORCH_USE_PYTORCH=1   the torch package of the active python3
  the choice of an earlier run; 'make distclean' forgets it
  otherwise PyPI's torch==$pinned, unpacked into .libtorch/ (nothing else on the machine changes)

  FORETOKEN_TORCH=2.11.0   for make gpu-bundle: another version of PyPI's torch, into .libtorch-2.11.0/
  FORETOKEN_CUDA=1 or 0    with or without NVIDIA's libraries, instead of asking nvidia-smi
  FORETOKEN_SENTENCEPIECE=1   also the system's SentencePiece library, installed with apt-get if permitted"

note() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
at_least() { # VERSION MINIMUM
    sort -V -C <<<"$2"$'\n'"$1"
}

# Sets `version` from the headers of a LibTorch folder; empty if unknown.
read_version() {
    local header text part
    version=
    for header in "$1/include/torch/headeronly/version.h" "$1/include/torch/csrc/api/include/torch/version.h"; do
        [[ -r $header ]] || continue
        text=$(<"$header")
        for part in MAJOR MINOR PATCH; do
            [[ $text =~ define\ TORCH_VERSION_$part\ +([0-9]+) ]] || continue 2
            version+=${version:+.}${BASH_REMATCH[1]}
        done
        return
    done
}

# MARK: the choice

# Sets `origin` (folder, python or wheel), `target` (its path; unknown yet for a wheel) and `named` (for messages).
choose() {
    recall
    if [[ -n ${LIBTORCH:-} ]]; then
        origin=folder named="LIBTORCH=$LIBTORCH"
        target=$(cd -- "$LIBTORCH" 2>/dev/null && pwd -P) ||
            fail "$named: there is no such folder; name one with lib/ and include/, or unset it to have one installed."
    elif [[ ${LIBTORCH_USE_PYTORCH:-0} != 0 ]]; then
        origin=python named="LIBTORCH_USE_PYTORCH=$LIBTORCH_USE_PYTORCH"
        command -v python3 >/dev/null ||
            fail "$named: there is no python3 on the PATH; activate the environment that has torch."
        target=$(python3 -c '
import importlib.util
spec = importlib.util.find_spec("torch")
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else "")' 2>/dev/null) || target=
        [[ -n $target ]] || fail "$named: $(command -v python3) has no torch package; install it there, activate" \
            "another environment, or unset LIBTORCH_USE_PYTORCH."
        target=$(cd -- "$target" && pwd -P)
    elif [[ ${known[0]} == folder || ${known[0]} == python ]] && [[ -d ${known[1]} ]]; then
        origin=${known[0]} target=${known[1]} named="the LibTorch chosen earlier, $target"
    else
        [[ ${known[0]} == '' || ${known[0]} == wheel ]] || note "${known[1]}, used until now, is gone."
        origin=wheel target='' named="torch==$pinned"
    fi
}

# Reads the state of the last run: `known` is origin, target, version, flavour.
recall() {
    local lines=()
    known=('' '' '' '')
    [[ -r $state/ready ]] || return 0
    mapfile -t lines <"$state/ready"
    [[ ${#lines[@]} == 5 && ${lines[0]} == "$layout" ]] || return 0
    known=("${lines[@]:1}")
}

is_ready() {
    [[ $origin == "${known[0]}" && -f $state/libtorch.pc ]] || return 1
    [[ $origin == wheel || $target == "${known[1]}" ]] || return 1
    [[ $state/current -ef ${known[1]} && -f $state/current/lib/libtorch_cpu.so ]] || return 1
    read_version "$state/current"
    [[ -n $version && $version == "${known[2]}" ]] || return 1
    [[ $origin != wheel || $version == "$pinned" ]] || return 1
    [[ ${known[3]} != cuda-without-gpu || ${FORETOKEN_CUDA:-0} != 1 ]]
}

say_ready() {
    local hint=
    if [[ ${known[3]} == cuda-without-gpu && -z ${FORETOKEN_CUDA:-} ]] && command -v nvidia-smi >/dev/null; then
        hint="; FORETOKEN_CUDA=1 make setup adds NVIDIA's libraries"
    fi
    note "LibTorch ${known[2]} is ready (${known[3]}, ${known[1]})$hint."
}

# MARK: the machine

check_machine() {
    local kernel machine libc
    kernel=$(uname -s) machine=$(uname -m)
    [[ $kernel == Linux ]] ||
        fail "this is $kernel and Foretoken is untested there; use Linux (on Windows: WSL 2)."
    case $machine in
        x86_64) ;;
        aarch64) note "warning: Foretoken is untested on $machine." ;;
        *) fail "PyTorch publishes LibTorch for x86_64 and aarch64 only, and this machine is $machine." ;;
    esac
    case $root in
        *[:\\\"]* | *$'\n'*)
            fail "in a path with a colon, a backslash, a double quote or a line break SwiftPM finds no LibTorch;" \
                "move this checkout: $root" ;;
    esac
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc='another C library'
    if [[ $libc != glibc\ * ]] || ! at_least "${libc#glibc }" 2.28; then
        fail "LibTorch needs glibc 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8) and this system has $libc."
    fi
    command -v git >/dev/null ||
        fail "git is missing and SwiftPM fetches packages with it; install it (apt-get install git)."
    check_swift
}

# Sets `clang` to the C++ compiler that `swift build` will use.
check_swift() {
    local get="get $oldest_swift or newer from https://www.swift.org/install/linux" text resources
    command -v swift >/dev/null || fail "swift is not on the PATH; $get and put its usr/bin on the PATH."
    text=$(swift --version 2>/dev/null) || fail "'swift --version' fails; $get."
    [[ $text =~ Swift\ version\ ([0-9]+(\.[0-9]+)+) ]] || fail "'swift --version' does not say a version; $get."
    at_least "${BASH_REMATCH[1]}" "$oldest_swift" || fail "Swift ${BASH_REMATCH[1]} is too old; $get."
    resources=$(swift -print-target-info 2>/dev/null | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
    clang=${resources%/lib/swift}/bin/clang++
    [[ -n $resources && -x $clang ]] || clang=$(command -v clang++) ||
        fail "this Swift has no clang++ beside it and there is none on the PATH; $get."
    "$clang" -x c++ -std=c++20 -fsyntax-only - 2>/dev/null <<<$'#include <vector>\n#include <cstdint>' ||
        fail "$clang finds no C++ standard library; install its headers (apt-get install g++, dnf install gcc-c++)."
}

# The package trait SentencePiece links the system's library; nothing else needs it.
ensure_sentencepiece() {
    [[ ${FORETOKEN_SENTENCEPIECE:-0} != 0 ]] || return 0
    local packages='apt-get install libsentencepiece-dev, dnf install sentencepiece-devel'
    check_swift
    has_sentencepiece() {
        "$clang" -x c++ -std=c++20 -fsyntax-only - 2>/dev/null <<<'#include <sentencepiece_processor.h>'
    }
    if ! has_sentencepiece && command -v apt-get >/dev/null; then
        note "installing the system's SentencePiece library (libsentencepiece-dev)."
        apt-get install -y --no-install-recommends libsentencepiece-dev >&2 || true
    fi
    has_sentencepiece || fail "FORETOKEN_SENTENCEPIECE=1 needs the SentencePiece library and it is not there; install it" \
        "($packages), or unset FORETOKEN_SENTENCEPIECE."
}

check_pip() {
    local text
    command -v python3 >/dev/null ||
        fail "python3 is missing and LibTorch comes with pip; install both (apt-get install python3 python3-pip)," \
            "or set LIBTORCH to a LibTorch of your own."
    text=$(python3 -m pip --version 2>/dev/null) ||
        fail "$(command -v python3) has no pip; install it (apt-get install python3-pip, dnf install python3-pip)," \
            "or set LIBTORCH to a LibTorch of your own."
    if [[ ! $text =~ ^pip\ ([0-9.]+) ]] || ! at_least "${BASH_REMATCH[1]}" 20.3; then
        fail "LibTorch's wheels need pip 20.3 or newer and this is '$text'; upgrade pip, or set LIBTORCH."
    fi
}

# Sets `parts` (cpu: CPU libraries only; gpu: all) and `sizes`.
choose_parts() {
    local cuda
    parts=cpu
    case ${FORETOKEN_CUDA:-} in
        1) parts=gpu ;;
        0) ;;
        '')
            if command -v nvidia-smi >/dev/null && timeout 20 nvidia-smi -L >/dev/null 2>&1; then
                parts=gpu
                cuda=$(timeout 20 nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: \([0-9]*\)\..*/\1/p') || true
                if [[ -n $cuda ]] && ((cuda < pinned_cuda)); then
                    parts=cpu
                    note "warning: this NVIDIA driver is for CUDA $cuda and torch $pinned needs $pinned_cuda, so the" \
                        "GPU stays unused; update the driver, or set LIBTORCH to a LibTorch built for CUDA $cuda."
                fi
            fi ;;
        *) fail "FORETOKEN_CUDA=$FORETOKEN_CUDA: it may be 1 (with NVIDIA's libraries) or 0 (without)." ;;
    esac
    if [[ $parts == gpu ]]; then sizes=("${gpu_sizes[@]}"); else sizes=("${small_sizes[@]}"); fi
}

check_space() {
    local free
    free=$(($(df -Pk "$state" | awk 'NR == 2 { print $4 }') / 1024))
    ((free >= sizes[1])) ||
        fail "installing LibTorch needs ${sizes[1]} MB free and there are $free MB at $root; free some," \
            "or set LIBTORCH to a LibTorch elsewhere."
}

# MARK: the wheel

child=
# Runs a program so that a signal stops it and this script immediately.
run() {
    local status=0
    "$@" &
    child=$!
    wait "$child" || status=$?
    child=
    return "$status"
}

interrupted() {
    trap '' INT TERM HUP
    if [[ -n $child ]]; then
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    [[ ! -t 8 ]] || printf '\033[?25h' >&8 # pip hides the cursor
    printf 'setup: interrupted; no partial installation is left.\n' >&8
    exit 130
}

# LibTorch is the same in the wheels of all Python versions, so the wheel for 3.11 works with any Python.
download() {
    local log=$partial/pip.log wanted="$*"
    local options=(--only-binary=:all: --implementation cp --python-version 3.11 --no-cache-dir)
    # pip unpacks in TMPDIR, and /tmp may be small.
    local program=(env TMPDIR="$root/$partial" PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
        python3 -m pip download "${options[@]}" --dest "$partial/wheels")
    if [[ -t 1 ]]; then
        run "${program[@]}" "$@" 2>"$log"
    else
        run "${program[@]}" --progress-bar off "$@" >"$log" 2>&1
    fi || {
        tail -n 8 "$log" >&2
        fail "pip could not download ${wanted#--no-deps } (its last lines are above); check network, proxy and pip's" \
            "settings and run this again, or set LIBTORCH to a LibTorch of your own."
    }
}

unpack() {
    local wheel
    for wheel in "$partial"/wheels/*.whl; do
        run python3 scripts/wheels.py unpack "$wheel" "$partial/new" "$parts" ||
            fail "${wheel##*/} cannot be unpacked; run this again."
        rm -f -- "$wheel"
    done
}

# Installs the pinned wheel beside `current` and sets `target` and `flavour`.
install_wheel() {
    local requirements=() text old
    check_pip
    choose_parts
    check_space
    note "installing torch $pinned into $state/:" \
        "up to ${sizes[0]} MB to download, ${sizes[2]} MB on disk afterwards."
    mkdir -p "$partial/wheels" "$partial/new"
    download --no-deps "torch==$pinned"
    text=$(python3 scripts/wheels.py requirements "$partial"/wheels/torch-*.whl "$parts") ||
        fail "torch's wheel as downloaded cannot be read; run this again."
    [[ -z $text ]] || mapfile -t requirements <<<"$text"
    unpack
    if ((${#requirements[@]} > 0)); then
        note "adding NVIDIA's libraries that it needs."
        download "${requirements[@]}"
        unpack
    fi
    case ${#requirements[@]}:$parts in
        0:*) flavour='cpu' ;;
        *:cpu) flavour='cuda-without-gpu' ;;
        *) flavour='cuda' ;;
    esac
    check_folder "$root/$partial/new/torch"
    check_links "$root/$partial/new/torch"
    for old in "$state"/torch-*; do rm -rf -- "$old"; done
    target=$state/torch-$pinned-$flavour
    mv -T -- "$partial/new" "$target"
    target+=/torch
}

# MARK: the checks of a LibTorch

check_folder() {
    local file
    for file in lib/libtorch_cpu.so lib/libc10.so include/ATen/ATen.h include/torch/csrc/api/include/torch/version.h; do
        [[ -f $1/$file ]] ||
            fail "$named: $file is missing; LIBTORCH must be a folder with LibTorch's lib/ and include/."
    done
    read_version "$1"
    if [[ ! $version =~ ^2\.([0-9]+)\. ]] || ((BASH_REMATCH[1] < oldest_minor || BASH_REMATCH[1] > newest_minor)); then
        fail "$named: this is LibTorch ${version:-of an unknown version}, and Foretoken supports 2.$oldest_minor to" \
            "2.$newest_minor; choose another, or unset LIBTORCH and LIBTORCH_USE_PYTORCH to have $pinned installed."
    fi
}

# Compiles, links and runs a tiny program: detects missing libraries, a wrong architecture and an incompatible C++ library.
check_links() {
    local folder=$1
    mkdir -p "$partial"
    printf '%s\n' '#include <ATen/Version.h>' 'int main() { return at::show_config().empty(); }' >"$partial/check.cpp"
    if ! run "$clang" -std=c++20 -I"$folder/include" "$partial/check.cpp" -L"$folder/lib" -ltorch_cpu -lc10 \
        -Xlinker -rpath -Xlinker "$folder/lib" -o "$partial/check" 2>"$partial/check.log" ||
        ! run "$partial/check" >/dev/null 2>>"$partial/check.log"; then
        tail -n 8 "$partial/check.log" >&2
        fail "$named: a small C++ program does not build or run with this LibTorch (the reason is above);" \
            "install what is missing, or choose another LibTorch."
    fi
}

# MARK: the result

# Quotes protect paths with spaces; pcfiledir allows the checkout to move.
describe() {
    # shellcheck disable=SC2016 # ${pcfiledir} is pkg-config's
    printf '%s\n' 'Name: libtorch' 'Description: LibTorch, as scripts/setup.sh found it' "Version: $version" \
        'Cflags: "-I${pcfiledir}/current/include" "-I${pcfiledir}/current/include/torch/csrc/api/include"' \
        'Libs: "-L${pcfiledir}/current/lib" -ltorch_cpu -lc10' >"$state/libtorch.pc.new"
    mv -f "$state/libtorch.pc.new" "$state/libtorch.pc"
}

finish() {
    rm -f "$state/ready"
    ln -sfn "${target#"$state"/}" "$state/current.new"
    mv -Tf "$state/current.new" "$state/current"
    describe
    printf '%s\n' "$layout" "$origin" "$target" "$version" "$flavour" >"$state/ready.new"
    mv -f "$state/ready.new" "$state/ready"
}

main() {
    case ${1:-} in
        '') ;;
        -h | --help) echo "$usage"; return ;;
        *) printf '%s\n' "$usage" >&2; fail "$1: this script takes no arguments." ;;
    esac
    # Paths are relative to the checkout from here on, so LIBTORCH is resolved first, from the user's directory.
    [[ -z ${LIBTORCH:-} || $LIBTORCH == /* ]] || LIBTORCH=$PWD/$LIBTORCH
    cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
    root=$PWD state=.libtorch
    if [[ $pinned != "$default" ]]; then
        [[ $pinned =~ ^2\.([0-9]+)\.[0-9]+$ ]] && ((BASH_REMATCH[1] >= oldest_minor && BASH_REMATCH[1] <= newest_minor)) ||
            fail "FORETOKEN_TORCH=$pinned: a version from 2.$oldest_minor to 2.$newest_minor, such as $default, is expected."
        state=.libtorch-$pinned
    fi
    partial=$state/partial
    ensure_sentencepiece
    choose
    if is_ready; then say_ready; return; fi
    check_machine

    if ! mkdir -p "$state" 2>/dev/null || [[ ! -w $state ]]; then
        fail "$root/$state cannot be written; make this checkout writable."
    fi
    exec 9>"$state/lock"
    flock -n 9 || { note "another setup of this checkout is running; waiting for it."; flock 9; }
    choose
    if is_ready; then say_ready; return; fi
    rm -rf "$partial"
    exec 8>&2 # a signal's message must not go to pip's log
    trap interrupted INT TERM HUP
    trap 'rm -rf "$root/$partial"' EXIT
    if [[ $origin == wheel ]]; then
        install_wheel
    else
        flavour='your own'
        check_folder "$target"
        check_links "$target"
    fi
    finish
    recall
    say_ready
}

main "$@"
