#!/bin/sh
# demo.sh FOLDER: the breast cancer example trained by `train`, with FOLDER in the place of /opt/ml.
# Wants `train` and a Python with scikit-learn first on the PATH.
set -eu

examples=$(cd "$(dirname "$0")" && pwd)
rm -rf "$1"
mkdir -p "$1/code" "$1/input/config"
folder=$(cd "$1" && pwd)

cp "$examples/breast_cancer/train.py" "$folder/code/"
python "$examples/breast_cancer/data.py" "$folder/input/data"
echo '{"sagemaker_program": "train.py", "regularization": "0.5"}' \
  >"$folder/input/config/hyperparameters.json"

echo "\$ SAGEMAKER_BASE_DIR=$folder train"
SAGEMAKER_BASE_DIR=$folder train

echo
echo "\$ tar tzvf $folder/model/model.tar.gz"
tar tzvf "$folder/model/model.tar.gz"
