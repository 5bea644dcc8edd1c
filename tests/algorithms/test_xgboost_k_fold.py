"""Cross-validation: folds are judged by what they have not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from tests.algorithms.xgboost_jobs import csv, of_csv, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.jobs import Ended, Job

HOW = {"max_depth": 3, "eta": 0.5, "nthread": 1}


def told(ended: Ended) -> dict[str, float]:
    """The means, from the last line."""
    words = rounds(ended.stdout)[-1].split("\t")
    assert words[0] == "[4]"
    return {name: float(value) for name, _, value in (word.partition(":") for word in words[1:])}


def predictions(job: Job) -> np.ndarray:
    return np.loadtxt(job.base / "output/data/predictions.csv", delimiter=",", ndmin=2)


def models(job: Job) -> list[xgboost.Booster]:
    paths = sorted((job.base / "model").glob("xgboost-model-*"))
    return [xgboost.Booster(model_file=bytearray(path.read_bytes())) for path in paths]


def train(job: Job, labels: Any, features: Any, **more: Any) -> Ended:
    """The first rows are the train channel's, the rest validation's."""
    cut = len(labels) * 2 // 3
    parts = {
        "train": [csv(labels[:cut], features[:cut])],
        "validation": [csv(labels[cut:], features[cut:])],
    }
    ended = of_csv(job, parts, num_round=4, **HOW, **more).run()
    assert ended.returncode == 0, ended
    return ended


def judged(
    models: list[xgboost.Booster], folds: Any, labels: Any, features: Any, **options: Any
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(rows held out, what their fold's model puts out, their labels)."""
    for model, (_, held_out) in zip(models, folds, strict=True):
        yield held_out, model.predict(xgboost.DMatrix(features[held_out])), labels[held_out]


def test_the_error_told_is_that_of_the_rows_held_out(job: Job) -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    features = features.astype(np.float32)
    ended = train(
        job, labels, features, _kfold=4, objective="binary:logistic", eval_metric="error,accuracy"
    )
    folding = RepeatedStratifiedKFold(n_splits=4, n_repeats=1, random_state=0)
    parts = list(judged(models(job), folding.split(features, labels), labels, features))
    errors = [float(np.mean((scores > 0.5) != truth)) for _, scores, truth in parts]
    means = told(ended)
    assert means["validation-error"] == pytest.approx(np.mean(errors), abs=1e-5)
    assert means["validation-accuracy"] == pytest.approx(1 - np.mean(errors), abs=1e-5)
    # What is held out is harder: a fold that was judged by rows it knows would hide that.
    assert means["validation-error"] > means["train-error"]
    table = predictions(job)
    np.testing.assert_array_equal(table[:, 0], labels)
    for held_out, scores, _ in parts:
        np.testing.assert_allclose(table[held_out, 1], scores, rtol=1e-5)
        np.testing.assert_array_equal(table[held_out, 2], scores > 0.5)


def test_repetitions_are_averaged_and_numbers_need_no_classes(job: Job) -> None:
    """No objective is given, so it is xgboost's default, of numbers."""
    features, labels = load_diabetes(return_X_y=True)
    features, labels = features.astype(np.float32), labels.astype(np.float32)
    ended = train(job, labels, features, _kfold=3, _num_cv_round=2, seed=7)
    folding = RepeatedKFold(n_splits=3, n_repeats=2, random_state=7)
    parts = list(judged(models(job), folding.split(features), labels, features))
    assert len(parts) == 6
    errors = [float(np.mean((scores - truth) ** 2)) ** 0.5 for _, scores, truth in parts]
    assert told(ended)["validation-rmse"] == pytest.approx(np.mean(errors), abs=1e-4)
    total = np.zeros(len(labels))
    for held_out, scores, _ in parts:
        total[held_out] += scores
    table = predictions(job)
    assert table.shape == (len(labels), 2)
    np.testing.assert_allclose(table[:, 0], labels)
    np.testing.assert_allclose(table[:, 1], total / 2, rtol=1e-5)


@pytest.mark.parametrize(("objective", "columns"), [("multi:softprob", 5), ("multi:softmax", 2)])
def test_of_many_classes(job: Job, objective: str, columns: int) -> None:
    features, labels = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    features, labels = features[order], labels[order]
    train(job, labels, features, _kfold=5, _num_cv_round=3, objective=objective, num_class=3)
    table = predictions(job)
    assert table.shape == (150, columns)
    np.testing.assert_array_equal(table[:, 0], labels)
    assert float(np.mean(table[:, -1] == labels)) > 0.9
    if columns == 5:
        np.testing.assert_allclose(table[:, 1:4].sum(axis=1), 1, rtol=1e-5)


def test_folds_have_checkpoints_of_their_own_and_are_resumed(job: Job) -> None:
    features, labels = load_diabetes(return_X_y=True)
    folder = job.base / "checkpoints"
    job.config("checkpointconfig", {"LocalPath": str(folder)})
    first = train(job, labels, features, _kfold=3, subsample=0.7)
    whole = [bytes(model.save_raw("ubj")) for model in models(job)]
    assert len(rounds(first.stdout)) == 3 * 4 + 1
    assert sorted(path.name for path in folder.iterdir()) == ["model-0", "model-1", "model-2"]
    for fold, left in (("model-1", 2), ("model-2", 0)):
        for path in (folder / fold).iterdir():
            if int(path.name.rpartition(".")[2]) >= left:
                path.unlink()
    again = train(job, labels, features, _kfold=3, subsample=0.7)
    assert len(rounds(again.stdout)) == 0 + 2 + 4 + 1
    assert told(again) == told(first)
    assert [bytes(model.save_raw("ubj")) for model in models(job)] == whole


def test_fewer_rows_than_folds_is_told(job: Job) -> None:
    ended = of_csv(job, {"train": ["1,2\n3,4\n"]}, num_round=1, _kfold=3).run()
    assert ended.returncode == 1
    assert ended.failure is not None
    assert "_kfold 3 does not suit the data" in ended.failure


def test_ranking_has_no_folds(job: Job) -> None:
    ended = of_csv(
        job, {"train": ["1,2\n3,4\n"]}, num_round=1, _kfold=2, objective="rank:ndcg"
    ).run()
    assert ended.returncode == 1
    assert ended.failure is not None
    assert "_kfold would tear apart the groups of rank:ndcg" in ended.failure
