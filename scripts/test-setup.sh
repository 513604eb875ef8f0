#!/usr/bin/env bash
# Tests scripts/setup.sh without a network: every case gets its own checkout, a PATH with only the named tools, and
# stubs for swift, clang++, pip and the wheels. Run by `make test`.
# shellcheck disable=SC2016 # dollar signs in the stubs are literal
set -euo pipefail
unset CDPATH LIBTORCH LIBTORCH_USE_PYTORCH FORETOKEN_CUDA FORETOKEN_SENTENCEPIECE FORETOKEN_TORCH

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 cases=0
# The interpreter itself: a version manager's shim would look for its own tools on our PATH.
real_python=$(python3 -c 'import sys; print(sys.executable)')

# Nothing else on the machine may help setup.
mapfile -t tools < <(type -P bash env cat dirname sort tail sed awk flock mkdir ln mv rm chmod cp sleep touch timeout)

# MARK: stubs

# A folder that looks like LibTorch VERSION.
fake_libtorch() { # FOLDER VERSION
    local numbers
    IFS=. read -ra numbers <<<"$2"
    mkdir -p "$1"/lib "$1"/include/ATen "$1"/include/torch/headeronly "$1"/include/torch/csrc/api/include/torch
    touch "$1"/lib/libtorch_cpu.so "$1"/lib/libc10.so "$1"/include/ATen/ATen.h
    echo '#include <torch/headeronly/version.h>' >"$1"/include/torch/csrc/api/include/torch/version.h
    {
        printf '/// Indicates the major version of LibTorch.\n#define TORCH_VERSION_MAJOR %s\n\n' "${numbers[0]}"
        printf '#define TORCH_VERSION_MINOR %s\n#define TORCH_VERSION_PATCH %s\n' "${numbers[@]:1}"
    } >"$1"/include/torch/headeronly/version.h
}

# Wheels as pip would download them: CPU only, CUDA, and NVIDIA's libraries.
fake_wheels() {
    local kind
    for kind in cpu cuda; do
        fake_libtorch "$work/$kind/torch" 2.13.0
        mkdir -p "$work/$kind/torch-2.13.0.dist-info" "$work/$kind/torch/lib/libshm"
        touch "$work/$kind"/torch/lib/{libgomp.so.1,libtorch_python.so,libshm/manager} "$work/$kind/torch/__init__.py"
        printf 'Name: torch\nRequires-Dist: jinja2\n' >"$work/$kind/torch-2.13.0.dist-info/METADATA"
    done
    touch "$work/cuda"/torch/lib/{libtorch.so,libtorch_cuda.so,libc10_cuda.so}
    cat >>"$work/cuda/torch-2.13.0.dist-info/METADATA" <<'END'
Requires-Dist: cuda-toolkit[cublas,cudart,cupti,nvrtc]==13.0.3; platform_system == "Linux"
Requires-Dist: nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"
Requires-Dist: triton==3.7.1; platform_system == "Linux"
END
    mkdir -p "$work"/nvidia/nvidia/cu13/{lib,include}
    touch "$work"/nvidia/nvidia/cu13/lib/{libcudart.so.13,libcudart_static.a} "$work/nvidia/nvidia/cu13/include/cuda.h"
    for kind in cpu cuda nvidia; do
        (cd "$work/$kind" && "$real_python" -m zipfile -c "../$kind.whl" ./*)
    done
}

stub() { # NAME, its text on standard input
    { echo '#!/bin/bash'; cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

# A fresh checkout with everything that setup needs; sets `here`, `bin` and `calls` (the recorded calls of pip and clang++).
checkout() { # [PATH BELOW THE WORK FOLDER]
    cases=$((cases + 1))
    here=$work/${1:-checkout-$cases} bin=$work/bin-$cases calls=$work/calls-$cases
    mkdir -p "$here" "$bin/usr/bin" "$bin/usr/lib/swift"
    cp -r "$root/scripts" "$here/"
    : >"$calls"
    ln -s "${tools[@]}" "$bin/"
    stub uname <<<'[[ $1 == -s ]] && echo Linux || echo x86_64'
    stub getconf <<<'echo glibc 2.36'
    stub df <<<'printf "Filesystem\n/dev/x 1 1 99999999 1%% /\n"'
    stub git <<<''
    stub swift <<END
if [[ \$1 == --version ]]; then echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'
else echo '    "runtimeResourcePath": "$bin/usr/lib/swift"'; fi
END
    stub usr/bin/clang++ <<END
[[ "\$*" == *-fsyntax-only* ]] && exit
echo "clang++ \$*" >>"$calls"
printf '#!/bin/bash\n' >"\${@: -1}" && chmod +x "\${@: -1}"
END
    python_stub cpu
}

python_stub() { # WHEEL [TEXT RUN BEFORE pip download]
    stub python3 <<END
case "\$*" in
    "-m pip --version") echo "pip 23.0.1 from /usr/lib (python 3.11)" ;;
    "-m pip download"*)
        echo "pip \$*" >>"$calls"
        ${2:-}
        while [[ \$1 != --dest ]]; do shift; done
        if [[ "\$*" == *" torch=="* ]]; then cp "$work/$1.whl" "\$2/torch-2.13.0-cp311.whl"
        else cp "$work/nvidia.whl" "\$2/nvidia_cuda_runtime.whl"; fi ;;
    *) exec "$real_python" "\$@" ;;
esac
END
}

# MARK: checks

# Runs setup in the checkout with the given environment; sets `status` and `output`.
setup() { # [NAME=VALUE...] [-- ARGUMENTS]
    local settings=()
    while (($# > 0)) && [[ $1 != -- ]]; do settings+=("$1"); shift; done
    [[ ${1:-} != -- ]] || shift
    status=0
    output=$(cd "$here" && env PATH="$bin" "${settings[@]}" bash scripts/setup.sh "$@" 2>&1 </dev/null) || status=$?
}

check() { # NAME COMMAND...: the command must succeed
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s (%s)\nexit status %s, output:\n%s\n' "$name" "$*" "${status:-}" "${output:-}" >&2
    fi
}

says() { [[ $output == *"$1"* ]]; }
calls_of() { grep -c "^$1 " "$calls" || true; }
lacks() { [[ ! -e $1 && ! -L $1 ]]; }

# Checks that setup failed, that its last line is one sentence with this text, and that no partial files are left.
refuses() { # NAME TEXT
    check "$1: fails" test "$status" -eq 1
    check "$1: says why" says "$2"
    check "$1: in one sentence, at the end" test "$(tail -n 1 <<<"$output" | cut -c 1-7)" = 'setup: '
    check "$1: leaves no half-installed folder" lacks "$here/.libtorch/partial"
    check "$1: leaves nothing that looks ready" lacks "$here/.libtorch/ready"
}

succeeds() { # NAME
    check "$1: succeeds" test "$status" -eq 0
    check "$1: LibTorch is there" test -f "$here/.libtorch/current/lib/libtorch_cpu.so"
    check "$1: SwiftPM can find it" grep -q 'current/include' "$here/.libtorch/libtorch.pc"
    check "$1: leaves no half-installed folder" lacks "$here/.libtorch/partial"
}

fake_wheels
fake_libtorch "$work/given" 2.13.0

# MARK: the machine

for tool in python3:'python3 is missing' swift:'swift is not on the PATH' git:'git is missing' \
    usr/bin/clang++:'no clang++'; do
    checkout; rm "$bin/${tool%%:*}"; setup
    refuses "without ${tool%%:*}" "${tool#*:}"
done
checkout; stub python3 <<<'echo "No module named pip" >&2; exit 1'; setup
refuses 'without pip' 'has no pip; install it (apt-get install python3-pip'
checkout; stub python3 <<<'echo "pip 9.0.1 from /usr/lib (python 3.6)"'; setup
refuses 'with an old pip' 'need pip 20.3 or newer'
checkout; stub swift <<<'echo "Swift version 6.1.2 (swift-6.1.2-RELEASE)"'; setup
refuses 'with an old Swift' 'Swift 6.1.2 is too old; get 6.2 or newer from https://www.swift.org'
checkout; stub usr/bin/clang++ <<<'exit 1'; setup
refuses 'without C++ headers' 'finds no C++ standard library; install its headers'
checkout; stub uname <<<'echo Darwin'; setup
refuses 'on macOS' 'this is Darwin and Foretoken is untested there'
checkout; stub uname <<<'[[ $1 == -s ]] && echo Linux || echo riscv64'; setup
refuses 'on another processor' 'and this machine is riscv64'
checkout; stub uname <<<'[[ $1 == -s ]] && echo Linux || echo aarch64'; setup
succeeds 'on aarch64'
check 'on aarch64: warns' says 'untested on aarch64'
checkout; stub getconf <<<'exit 1'; setup
refuses 'without glibc' 'needs glibc 2.28 or newer'
checkout; stub getconf <<<'echo glibc 2.17'; setup
refuses 'with an old glibc' 'this system has glibc 2.17'
checkout; stub df <<<'printf "Filesystem\n/dev/x 1 1 102400 1%% /\n"'; setup
refuses 'on a full disk' 'needs 1200 MB free and there are 100 MB'
checkout 'a:b'; setup
refuses 'in a path with a colon' 'move this checkout'
checkout "it's a b"; setup
succeeds 'in a path with spaces'
checkout; setup -- --fast
refuses 'with an argument' 'takes no arguments'
checkout; setup -- --help
check 'help: names the settings' says 'LIBTORCH_USE_PYTORCH=1'
check 'help: does nothing' lacks "$here/.libtorch"

# MARK: the wheel

checkout; setup
succeeds 'the CPU wheel'
check 'the CPU wheel: says how much' says 'up to 540 MB to download, 530 MB on disk'
check 'the CPU wheel: no progress off a terminal' grep -q -- '--progress-bar off --no-deps torch==2.13.0' "$calls"
check 'the CPU wheel: libraries it needs' test -f "$here/.libtorch/current/lib/libgomp.so.1"
check "the CPU wheel: none of Python's" lacks "$here/.libtorch/current/lib/libtorch_python.so"
check "the CPU wheel: no Python" lacks "$here/.libtorch/current/__init__.py"
setup
check 'a second run: succeeds' test "$status" -eq 0
check 'a second run: one line' test "$(wc -l <<<"$output")" -eq 1
check 'a second run: no work' test "$(calls_of pip)$(calls_of clang++)" = 11
rm "$bin/swift" "$bin/python3"; setup
check 'a second run: needs no tools' test "$status" -eq 0
mv "$here" "$work/moved"; here=$work/moved; setup
check 'a moved checkout: stays ready' test "$status" -eq 0
python_stub cpu; rm "$here/.libtorch/current/lib/libtorch_cpu.so"; setup
check 'a damaged LibTorch: is looked at anew' test "$status" -eq 1

checkout; setup; sed -i 's/^readonly default=2.13.0/readonly default=2.14.0/' "$here/scripts/setup.sh"; setup
check 'a new pinned version: is installed' test "$(calls_of pip)" -eq 2
checkout; refuses_version() { setup FORETOKEN_TORCH="$1"; refuses "FORETOKEN_TORCH=$1" 'a version from 2.11 to 2.15'; }
for version in 2.10.0 2.16.0 3.0.0 2.11 nightly; do refuses_version "$version"; done
setup FORETOKEN_TORCH=2.13.0
check 'FORETOKEN_TORCH=2.13.0: is the usual one' test -f "$here/.libtorch/libtorch.pc"

checkout; python_stub cuda; setup
succeeds 'the CUDA wheel without a driver'
check 'the CUDA wheel without a driver: asks for the two small libraries' \
    grep -q 'progress-bar off cuda-toolkit\[cudart,cupti\]==13.0.3$' "$calls"
check 'the CUDA wheel without a driver: finds them' test -f "$here/.libtorch/current/../nvidia/cu13/lib/libcudart.so.13"
check 'the CUDA wheel without a driver: no headers of theirs' lacks "$here/.libtorch/current/../nvidia/cu13/include"
check 'the CUDA wheel without a driver: no GPU library' lacks "$here/.libtorch/current/lib/libtorch_cuda.so"
stub nvidia-smi <<<'exit 0'; setup
check 'a driver installed later: says how to use it' says 'FORETOKEN_CUDA=1 make setup'
setup FORETOKEN_CUDA=1
check 'FORETOKEN_CUDA=1: installs the GPU libraries' test -f "$here/.libtorch/current/lib/libtorch_cuda.so"
check 'FORETOKEN_CUDA=1: removes the others' test "$(cd "$here/.libtorch" && echo torch-*)" = torch-2.13.0-cuda

checkout; python_stub cuda; stub nvidia-smi <<<'echo "CUDA Version: 13.1 "'; setup
succeeds 'the CUDA wheel with a driver'
check 'the CUDA wheel with a driver: asks for all, and not for Triton' \
    grep -q 'progress-bar off cuda-toolkit\[cublas,cudart,cupti,nvrtc\]==13.0.3 nvidia-cudnn-cu13==9.20.0.48$' "$calls"
check 'the CUDA wheel with a driver: says how much' says 'up to 2540 MB'
checkout; python_stub cuda; stub nvidia-smi <<<'echo "CUDA Version: 12.4 "'; setup
succeeds 'the CUDA wheel with an old driver'
check 'the CUDA wheel with an old driver: warns' says 'this NVIDIA driver is for CUDA 12'
check 'the CUDA wheel with an old driver: no GPU library' lacks "$here/.libtorch/current/lib/libtorch_cuda.so"
checkout; setup FORETOKEN_CUDA=yes
refuses 'FORETOKEN_CUDA=yes' 'it may be 1'

checkout; python_stub cpu 'echo "ERROR: No matching distribution found" >&2; exit 1'; setup
refuses 'when pip fails' 'pip could not download torch==2.13.0 (its last lines are above)'
check "when pip fails: shows pip's words" says 'ERROR: No matching distribution found'
checkout; python_stub cpu 'while [[ $1 != --dest ]]; do shift; done; echo half >"$2/torch-2.13.0.whl"; exit'; setup
refuses 'with a damaged wheel' 'cannot be read; run this again'
checkout; stub usr/bin/clang++ <<<'[[ "$*" == *-fsyntax-only* ]] || { echo "cannot find -lmissing" >&2; exit 1; }'
setup
refuses 'when nothing links' 'does not build or run with this LibTorch'
check 'when nothing links: shows why' says 'cannot find -lmissing'

checkout; python_stub cpu "touch '$work/downloading'; exec sleep 60"
(cd "$here" && PATH=$bin exec bash scripts/setup.sh >"$work/interrupted" 2>&1) &
job=$! status=0
for _ in {1..200}; do [[ ! -e $work/downloading ]] || break; sleep 0.05; done
kill -TERM "$job"; wait "$job" || status=$?
output=$(<"$work/interrupted")
check 'interrupted: ends as such' test "$status" -eq 130
check 'interrupted: says so' says 'no partial installation is left'
check 'interrupted: leaves no half-installed folder' lacks "$here/.libtorch/partial"
mkdir -p "$here/.libtorch/partial/new"; python_stub cpu; setup
succeeds 'after one that was killed'

checkout; python_stub cpu 'sleep 0.5'
(cd "$here" && PATH=$bin exec bash scripts/setup.sh >"$work/first" 2>&1) &
job=$! status=0
setup; succeeds 'two at once, one'
status=0; wait "$job" || status=$?; succeeds 'two at once, the other'
check 'two at once: install once' test "$(calls_of pip)" -eq 1

# MARK: an existing LibTorch

checkout; setup LIBTORCH="$work/given"
succeeds 'LIBTORCH'
check 'LIBTORCH: asks pip for nothing' test "$(calls_of pip)" -eq 0
setup
check 'LIBTORCH: is kept by later runs' says "$work/given"
check 'LIBTORCH: is checked once' test "$(calls_of clang++)" -eq 1
fake_libtorch "$work/other" 2.11.0; setup LIBTORCH="../other"
check 'another LIBTORCH: relative, replaces it' test "$here/.libtorch/current" -ef "$work/other"
rm -r "$work/other"; setup
succeeds 'a LIBTORCH that vanished'
check 'a LIBTORCH that vanished: says so' says 'is gone'
checkout; setup LIBTORCH="$work/none"
refuses 'LIBTORCH without a folder' 'there is no such folder'
checkout; mkdir -p "$work/empty/lib"; setup LIBTORCH="$work/empty"
refuses 'LIBTORCH without libraries' 'lib/libtorch_cpu.so is missing'
for version in 1.13.1 2.10.1 2.16.0 3.12.0; do
    checkout; fake_libtorch "$work/v$version" "$version"; setup LIBTORCH="$work/v$version"
    refuses "LibTorch $version" "this is LibTorch $version, and Foretoken supports 2.11 to 2.15"
done
for version in 2.11.0 2.15.2; do
    checkout; fake_libtorch "$work/v$version" "$version"; setup LIBTORCH="$work/v$version"
    succeeds "LibTorch $version"
done
checkout; fake_libtorch "$work/vx" 2.13.0; : >"$work/vx/include/torch/headeronly/version.h"; setup LIBTORCH="$work/vx"
refuses 'LibTorch without a version' 'of an unknown version'

fake_libtorch "$work/site/torch" 2.12.0
touch "$work/site/torch/__init__.py"
checkout; setup LIBTORCH_USE_PYTORCH=1 PYTHONPATH="$work/site"
succeeds 'LIBTORCH_USE_PYTORCH'
check 'LIBTORCH_USE_PYTORCH: is that one' test "$here/.libtorch/current" -ef "$work/site/torch"
checkout; stub python3 <<<'[[ $1 == -c ]] && echo'; setup LIBTORCH_USE_PYTORCH=1
refuses 'LIBTORCH_USE_PYTORCH without torch' 'has no torch package'

# MARK: SentencePiece

# A compiler that finds the library's header once apt-get has been called.
sentencepiece_stub() {
    mv "$bin/usr/bin/clang++" "$bin/usr/bin/other"
    stub usr/bin/clang++ <<END
if [[ "\$*" == *-fsyntax-only* ]]; then [[ -e $bin/installed || \$(cat) != *sentencepiece* ]]; exit; fi
exec "$bin/usr/bin/other" "\$@"
END
}
checkout; sentencepiece_stub; setup
succeeds 'without SentencePiece, if it is not requested'
checkout; sentencepiece_stub; setup FORETOKEN_SENTENCEPIECE=1
refuses 'SentencePiece that nothing can install' 'apt-get install libsentencepiece-dev'
checkout; sentencepiece_stub; stub apt-get <<<'exit 100'; setup FORETOKEN_SENTENCEPIECE=1
refuses 'SentencePiece without the right to install it' 'apt-get install libsentencepiece-dev'
checkout; sentencepiece_stub; stub apt-get <<<"touch '$bin/installed'"; setup FORETOKEN_SENTENCEPIECE=1
succeeds 'SentencePiece that apt-get installs'

# MARK: the real tools

found=$(cd / && . "$root/scripts/env.sh" && echo "${PKG_CONFIG_PATH%%:*}")
check 'env.sh: names the folder' test "$found" = "$root/.libtorch"
if [[ -e $root/.libtorch/current ]]; then
    checkout 'real a b'
    status=0
    output=$(cd "$here" && LIBTORCH=$root/.libtorch/current bash scripts/setup.sh 2>&1) || status=$?
    succeeds 'the real LibTorch and compiler'
fi

printf 'setup: %d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
