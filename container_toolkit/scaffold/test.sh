#!/bin/sh
# Build the image, train on the sample data as a training service would, and look at what came of it.
# Engine by ENGINE=docker or ENGINE=podman; otherwise the one that answers.
set -eu
cd "$(dirname "$0")"

engine=${ENGINE:-}
for candidate in docker podman; do
  [ -n "$engine" ] || ! "$candidate" info >/dev/null 2>&1 || engine=$candidate
done
fail() { echo "FAIL: $1" >&2; exit 1; }
[ -n "$engine" ] || fail "no container engine answers: start docker, or install podman"

"$engine" build -t @NAME@ .

out=$(mktemp -d)
container=@NAME@-test-$$
trap '"$engine" rm -f "$container" >/dev/null 2>&1; rm -rf "$out"' EXIT
mkdir "$out/model" "$out/empty"
chmod 0777 "$out" "$out/model"

# train_on FOLDER: its exit code, with what it said in the log.
train_on() {
  status=0
  "$engine" run --name "$container" -v "$1:/opt/ml/input/data/training:ro" \
    -v "$out/model:/opt/ml/model" @NAME@ train >"$out/log" 2>&1 || status=$?
  "$engine" rm -f "$container" >/dev/null
  cat "$out/log"
  return "$status"
}

train_on "$PWD/data/training" || fail "train ended with $?"
awk -F'[=;]' '/accuracy=/ { seen = $2 } END { exit !(seen > 0.9) }' "$out/log" \
  || fail "the accuracy is not above 0.9"
tar tzf "$out/model/model.tar.gz" | grep -qx model.json || fail "model.tar.gz has no model.json"

if train_on "$out/empty"; then
  fail "training on nothing was taken for a success"
fi
echo "ok: the image trains, measures and saves, and says so when it can't"
