#!/usr/bin/env bash
# `make gpu-bundle`: creates a folder that runs Benchmarks/gpu.sh on a machine with a GPU, without this checkout or Swift.
#
# The command links the Swift runtime statically and LibTorch dynamically, for the torch version of that machine (TORCH=2.11.0;
# default: the version of `make setup`). LibTorch, PyTorch and CUDA must be installed there; nothing is built there.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
state=.libtorch
if [[ -n ${TORCH:-} ]]; then
    FORETOKEN_TORCH=$TORCH FORETOKEN_CUDA=0 bash scripts/setup.sh
    [[ ! -d .libtorch-$TORCH ]] || state=.libtorch-$TORCH
else
    bash scripts/setup.sh
fi
scratch=.build-gpu
bundle=$scratch/bundle
PKG_CONFIG_PATH=$PWD/$state swift build -c release --static-swift-stdlib --product foretoken-torch --scratch-path "$scratch"
rm -rf "$bundle"
mkdir -p "$bundle/bin" "$bundle/Benchmarks" "$bundle/Recipes" "$bundle/Models"
# Half of the command is ICU data, which compresses well; gpu.sh decompresses it.
strip -o "$bundle/bin/foretoken" "$scratch/release/foretoken-torch"
gzip -9 "$bundle/bin/foretoken"
cp Benchmarks/gpu.sh Benchmarks/gpu_table.py Benchmarks/pytorch_train.py Benchmarks/pytorch_reference.py "$bundle/Benchmarks"
cp Recipes/demo.yaml "$bundle/Recipes"
cp -r Models/python-bytes "$bundle/Models"
size=$(du -sm "$bundle" | cut -f1)
echo "gpu-bundle: $bundle, $size MB, for torch $(sed -n 's/^Version: //p' "$state/libtorch.pc"); copy it and run Benchmarks/gpu.sh there"
((size < 60)) || { echo "gpu-bundle: more than 60 MB" >&2; exit 1; }
