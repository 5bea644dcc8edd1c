#!/bin/sh
# Container Toolkit as a user gets it: installed by pip, not editable, in an environment with nothing
# else, .venv-bench at the repository root, made new each time. Its Python is the peer's.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
sh "$root/benchmarks/peer.sh"
rm -rf "$root/.venv-bench"
"$root/.venv-peer/bin/python" -m venv "$root/.venv-bench"
# From a copy: a build in the checkout would leave modules there for a later one to pick up.
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp -R "$root/pyproject.toml" "$root/README.md" "$root/LICENSE" "$root/container_toolkit" "$source"
"$root/.venv-bench/bin/python" -m pip install --quiet "$source"
echo "ours: $("$root/.venv-bench/bin/python" -m pip list 2>/dev/null | grep container) in .venv-bench"
