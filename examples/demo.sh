#!/bin/sh
# demo.sh FOLDER: breast cancer data learned twice by `train`, first by a program that the job brings,
# then by the built-in XGBoost and no code at all; FOLDER, and FOLDER/xgboost, stand for /opt/ml.
# Wants `train` and a Python with scikit-learn and the toolkit's extra `algorithms` first on the PATH.
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

cp -R "$examples/../images/xgboost/ml" "$folder/xgboost"
echo
echo "\$ CONTAINER_TOOLKIT_ALGORITHM=xgboost SAGEMAKER_BASE_DIR=$folder/xgboost train"
CONTAINER_TOOLKIT_ALGORITHM=xgboost SAGEMAKER_BASE_DIR=$folder/xgboost train

echo
echo "\$ tar tzvf $folder/xgboost/model/model.tar.gz"
tar tzvf "$folder/xgboost/model/model.tar.gz"
