"""Real jobs on real data: no worse than xgboost is known to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from container_toolkit.algorithms.xgboost.model import load
from container_toolkit.algorithms.xgboost.predict import predict
from container_toolkit.content_types.batch import Batch
from tests.algorithms.xgboost_jobs import csv, of_csv, rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.jobs import Ended, Job

# As the reference figures were measured: one thread, seed 0, and a quarter held out by
# train_test_split with random_state 0, where labels are classes stratified by them.
SAMPLED = {
    "num_round": 50,
    "eta": 0.2,
    "max_depth": 5,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.7,
    "seed": 0,
    "nthread": 1,
}


def trained(
    job: Job, source: Callable[..., tuple[np.ndarray, np.ndarray]], **hyperparameters: object
) -> tuple[Ended, np.ndarray, np.ndarray]:
    """How the job ended, and the rows that were held out from it, with their labels."""
    features, labels = source(return_X_y=True)
    learned, held_out, known, hidden = train_test_split(
        features,
        labels,
        test_size=0.25,
        random_state=0,
        stratify=None if source is load_diabetes else labels,
    )
    channels = {"train": [csv(known, learned)], "validation": [csv(hidden, held_out)]}
    ended = of_csv(job, channels, **hyperparameters).run()
    assert ended.returncode == 0, ended
    return ended, held_out.astype(np.float32), hidden


def last(ended: Ended, name: str) -> float:
    found = re.search(rf"\t{name}:(\S+)", rounds(ended.stdout)[-1])
    assert found
    return float(found[1])


def scored(job: Job, features: np.ndarray, *wanted: str) -> dict[str, np.ndarray]:
    return predict(load(str(job.base / "model")), Batch(features=features), wanted)


def test_breast_cancer(job: Job) -> None:
    ended, features, labels = trained(
        job, load_breast_cancer, **SAMPLED, objective="binary:logistic", eval_metric="auc,accuracy"
    )
    given = scored(job, features, "probability", "predicted_label")
    auc = roc_auc_score(labels, given["probability"])
    accuracy = accuracy_score(labels, given["predicted_label"])
    assert last(ended, "validation-auc") == pytest.approx(auc, abs=1e-5)
    assert last(ended, "validation-accuracy") == pytest.approx(accuracy, abs=1e-5)
    assert round(auc, 4) >= 0.9817
    assert accuracy >= 0.937


def test_digits(job: Job) -> None:
    ended, features, labels = trained(
        job,
        load_digits,
        num_round=50,
        objective="multi:softmax",
        num_class=10,
        nthread=1,
        eval_metric="accuracy,merror",
    )
    wrong = 1 - accuracy_score(labels, scored(job, features, "score")["score"])
    assert last(ended, "validation-merror") == pytest.approx(wrong, abs=1e-5)
    assert last(ended, "validation-accuracy") == pytest.approx(1 - wrong, abs=1e-5)
    assert wrong <= 0.0378


def test_diabetes(job: Job) -> None:
    ended, features, labels = trained(
        job, load_diabetes, num_round=50, eta=0.1, max_depth=3, nthread=1
    )
    errors = (scored(job, features, "score")["score"] - labels) ** 2
    rmse = float(np.mean(errors)) ** 0.5
    assert last(ended, "validation-rmse") == pytest.approx(rmse, abs=1e-3)
    assert rmse <= 59.93
