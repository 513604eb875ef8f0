#!/usr/bin/env bash
# `make docs`: builds one documentation archive from the catalogue in Documentation/ and the symbols of all libraries.
#
# Uses the toolchain's docc and the modules from `make build`: a SwiftPM plugin would become a dependency of all packages that
# depend on Foretoken, and would compile everything again.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
build=.build/release
graphs=.build/symbol-graphs
rm -rf "$graphs" .build/docs
mkdir -p "$graphs"
target=$(swift -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')
for module in ForetokenFiles ForetokenFormats Torch ForetokenText ForetokenReport ForetokenModel ForetokenTraining ForetokenDecoding \
    ForetokenDevices ForetokenDistributed ForetokenStudies \
    ForetokenEvaluation; do
    swift symbolgraph-extract -module-name "$module" -target "$target" -I "$build/Modules" \
        -Xcc -fmodule-map-file=Sources/CKernels/include/module.modulemap \
        -Xcc -fmodule-map-file="$build/CTorch.build/module.modulemap" \
        -Xcc -fmodule-map-file="$build/CCompression.build/module.modulemap" \
        -Xcc -fmodule-map-file="$build/CSentencePiece.build/module.modulemap" \
        -Xcc -fmodule-map-file=.build/checkouts/Yams/Sources/CYaml/include/module.modulemap \
        -minimum-access-level public -skip-synthesized-members -output-dir "$graphs"
done
docc convert Documentation/Foretoken.docc --additional-symbol-graph-dir "$graphs" --output-dir .build/docs \
    --fallback-display-name Foretoken --fallback-bundle-identifier org.foretoken.Foretoken \
    --warnings-as-errors --transform-for-static-hosting
echo "docs: .build/docs; to view them, run: python3 -m http.server --directory .build/docs (then /documentation/foretoken)"
