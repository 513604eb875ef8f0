#!/usr/bin/env bash
# `make test-isa`: runs the numeric tests with every instruction set of this processor, or with the given ones:
#   scripts/test-isa.sh [portable|avx2|avx512|avx512vnni]...
# Switches our kernels, ATen, MKL and oneDNN together. The tests must be built. `make test` runs one instruction set; those that
# the processor lacks are reported and skipped.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
all=(portable avx2 avx512 avx512vnni)
suites='CKernelsTests|CTorchTests|TorchTests|ForetokenModelTests|ForetokenTrainingTests|ForetokenDecodingTests'
declare -A aten=([portable]=default [avx2]=avx2 [avx512]=avx512 [avx512vnni]=avx512)
declare -A mkl=([portable]=SSE4_2 [avx2]=AVX2 [avx512]=AVX512 [avx512vnni]=AVX512)
declare -A onednn=([portable]=SSE41 [avx2]=AVX2 [avx512]=AVX512_CORE [avx512vnni]=AVX512_CORE_VNNI)
has() {
    local flag
    for flag in "$@"; do grep -qw -- "$flag" /proc/cpuinfo || return 1; done
}
exists() {
    case $1 in
        portable) ;;
        avx2) has avx2 fma ;;
        avx512) has avx512f avx512vl avx512bw avx512dq ;;
        avx512vnni) has avx512f avx512vl avx512bw avx512dq avx512_vnni ;;
        *) printf 'test-isa: %s: unknown instruction set; choose from %s\n' "$1" "${all[*]}" >&2; exit 64 ;;
    esac
}
[[ $# -gt 0 ]] || set -- "${all[@]}"
for isa in "$@"; do
    if ! exists "$isa"; then
        echo "test-isa: $isa skipped: not supported by this processor"
        continue
    fi
    echo "test-isa: $isa"
    env FORETOKEN_ISA="$isa" ATEN_CPU_CAPABILITY="${aten[$isa]}" MKL_ENABLE_INSTRUCTIONS="${mkl[$isa]}" \
        ONEDNN_MAX_CPU_ISA="${onednn[$isa]}" swift test -c release -Xswiftc -enable-testing --traits "${TRAITS:-Server}" --skip-build --disable-xctest \
        --no-parallel --filter "$suites" >.build/test-isa.log 2>&1 || {
        status=$?
        echo "test-isa: $isa failed" >&2
        bash scripts/failed-tests.sh .build/test-isa.log >&2
        exit "$status"
    }
    grep 'Test run with' .build/test-isa.log
done
