#!/usr/bin/env bash
# Downloads the packages of packages.txt, unpacks their Python source and writes token shards into data/python-bytes:
#   Models/python-bytes/corpus.sh
# Nothing of the packages is installed or run.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
foretoken=${FORETOKEN:-.build/release/foretoken}
out=${OUT:-data/python-bytes}
mkdir -p "$out/wheels" "$out/source"
python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$out/wheels" -r Models/python-bytes/packages.txt
python3 - "$out" <<'PYTHON'
import pathlib, sys, zipfile
out = pathlib.Path(sys.argv[1])
for wheel in sorted((out / "wheels").glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "source", [name for name in archive.namelist() if name.endswith(".py")])
PYTHON
"$foretoken" prepare "$out/source" --extension py --max-file-bytes 100000 --validation-fraction 0.01 --out "$out"
