"""Gradient boosted trees, by the xgboost library."""

from __future__ import annotations

from container_toolkit.algorithms.declaration import Algorithm, ChannelRole
from container_toolkit.algorithms.xgboost import metric_names
from container_toolkit.algorithms.xgboost.hyperparameters import HYPERPARAMETERS
from container_toolkit.algorithms.xgboost.rules import RULES

ALGORITHM = Algorithm(
    name="xgboost",
    summary="Gradient boosted trees for regression, classification, ranking and survival, by"
    " xgboost.",
    hyperparameters=HYPERPARAMETERS,
    rules=RULES,
    channels=(
        # Without a content type SageMaker's image reads libsvm.
        ChannelRole(name="train", meaning="what is learned", required=True, default="text/libsvm"),
        ChannelRole(
            name="validation",
            meaning="what the metrics are also computed on, and early stopping looks at",
            required=False,
            default="text/libsvm",
        ),
    ),
    content_types=(
        "text/csv",
        "text/libsvm",
        "application/x-recordio-protobuf",
        "application/x-parquet",
        "application/json",
        "application/jsonlines",
        "application/x-npy",
    ),
    metrics=metric_names.declared(),
    artifact="xgboost-model",
    train="container_toolkit.algorithms.xgboost.train:train",
    load="container_toolkit.algorithms.xgboost.model:load",
    predict="container_toolkit.algorithms.xgboost.predict:predict",
    accepts=(
        "text/csv",
        "text/libsvm",
        "application/x-recordio-protobuf",
        "application/json",
        "application/jsonlines",
        "application/x-parquet",
        "application/x-npy",
    ),
    outputs=(
        "predicted_label",
        "labels",
        "probability",
        "probabilities",
        "raw_score",
        "raw_scores",
        "predicted_score",
        "score",
    ),
)
