#!/bin/sh
# Build the base image and the images of this folder with docker or podman, whichever answers.
# Engine by CONTAINER_TOOLKIT_ENGINE, the Python image to stand on by BASE_IMAGE.
set -eu
cd "$(dirname "$0")/.."

engine=${CONTAINER_TOOLKIT_ENGINE:-}
for candidate in docker podman; do
  [ -n "$engine" ] || ! "$candidate" info >/dev/null 2>&1 || engine=$candidate
done
if [ -z "$engine" ]; then
  echo "No container engine answers: start docker, or install podman" >&2
  exit 1
fi
base=${BASE_IMAGE:-python:3.11-slim}

build() {
  tag=$1
  shift
  echo "== $tag"
  "$engine" build -q -t "$tag" "$@"
}

build container-toolkit --build-arg "BASE_IMAGE=$base" -f Dockerfile.base .
build theirs --build-arg "BASE_IMAGE=$base" images/custom/theirs
build forecaster images/custom
build container-toolkit-sklearn images/sklearn
build container-toolkit-xgboost images/xgboost
build container-toolkit-pytorch images/pytorch
build container-toolkit-tensorflow images/tensorflow
build container-toolkit-mxnet images/mxnet
build container-toolkit-mpi images/mpi
