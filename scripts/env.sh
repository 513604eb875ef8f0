# For calling `swift build` directly: `. scripts/env.sh` (bash or zsh) tells SwiftPM where LibTorch is.
# shellcheck shell=bash disable=SC2155
export PKG_CONFIG_PATH="$(
    CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]:-$0}")/.." && pwd
)/.libtorch${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
