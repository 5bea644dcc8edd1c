#!/bin/sh
# The closest peer, sagemaker-training 5.1.4, in its own environment: .venv-peer at the repository
# root. Running it again does nothing. Needs python3.11 (another one: PEER_PYTHON) and gcc: two of
# its packages come as source only.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
venv="$root/.venv-peer"
want=5.1.4
python=${PEER_PYTHON:-python3.11}

have=$("$venv/bin/python" -c \
    'from importlib.metadata import version; print(version("sagemaker-training"))' 2>/dev/null || true)
if [ "$have" = "$want" ]; then
    echo "peer: sagemaker-training $want is in $venv"
    exit 0
fi
if ! command -v gcc >/dev/null; then
    echo "peer: gcc is missing; sagemaker-training's source packages need a C compiler" >&2
    exit 1
fi
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "sagemaker-training==$want"
echo "peer: sagemaker-training $want installed in $venv"
