#!/usr/bin/env bash
# Tests a built foretoken-server with clients from PyPI: openai, litellm, LangChain, lm-evaluation-harness, schemathesis. Opt-in.
#   scripts/test-clients.sh [SERVER] [ARGUMENT OF PYTEST]...
#   SERVER        the program; .build-server/release/foretoken-server, which `make serve` builds, if omitted
#   FORETOKEN     the foretoken command to compare likelihoods with; .build/release/foretoken if unset
#   CHAT_MODEL    a chat model for further tests, which are skipped if unset
#   CLIENTS_VENV  a folder for the packages, kept for the next time; a temporary one if unset
# Before and after a release: python Tests/Clients/soak.py sends 20,000 requests.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
fail() {
    echo "test-clients: $1" >&2
    exit 1
}
export FORETOKEN_SERVER FORETOKEN PYTHONDONTWRITEBYTECODE=1
FORETOKEN_SERVER=$PWD/.build-server/release/foretoken-server
if [[ ${1:-} && $1 != -* && -f $1 ]]; then
    FORETOKEN_SERVER=$(realpath -- "$1")
    shift
fi
FORETOKEN=$(realpath -- "${FORETOKEN:-.build/release/foretoken}")
[[ -x $FORETOKEN_SERVER ]] || fail "$FORETOKEN_SERVER: no such program; build it with: make serve"
[[ -x $FORETOKEN ]] || fail "$FORETOKEN: no such program; build it with: swift build -c release --product foretoken"

venv=${CLIENTS_VENV:-}
if [[ -z $venv ]]; then
    venv=$(mktemp -d)
    trap 'rm -rf -- "$venv"' EXIT
fi
if [[ ! -f $venv/installed ]] || ! cmp --quiet Tests/Clients/requirements.txt "$venv/installed"; then
    echo "test-clients: installing Tests/Clients/requirements.txt"
    python3 -m venv "$venv" || fail "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement Tests/Clients/requirements.txt ||
        fail "the packages cannot be installed; they need Python 3.11 or later and a package index"
    cp Tests/Clients/requirements.txt "$venv/installed"
fi
"$venv/bin/python" -m pytest Tests/Clients "$@"
