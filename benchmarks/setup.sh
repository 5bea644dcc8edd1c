#!/bin/sh
# Container Toolkit as a user gets it: installed by pip, not editable, in an environment with nothing
# else, .venv-bench at the repository root, made new each time. Its Python is the peer's.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
sh "$root/benchmarks/peer.sh"
rm -rf "$root/.venv-bench"
"$root/.venv-peer/bin/python" -m venv "$root/.venv-bench"
"$root/.venv-bench/bin/python" -m pip install --quiet "$root"
echo "ours: $("$root/.venv-bench/bin/python" -m pip list 2>/dev/null | grep container) in .venv-bench"
