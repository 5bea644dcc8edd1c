"""Our metrics against scikit-learn's, and the line of a round."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as sklearn
from sklearn.datasets import load_breast_cancer, load_digits

from container_toolkit.algorithms.hosts import Alone
from container_toolkit.algorithms.xgboost import ALGORITHM, metric_names
from container_toolkit.algorithms.xgboost.evaluation import VALIDATION, Data, Evaluation
from container_toolkit.algorithms.xgboost.metrics import OF_CLASSES, Classes, Numbers
from container_toolkit.algorithms.xgboost.outputs import predicted_labels
from container_toolkit.errors import DataError
from tests.algorithms.small_trainings import data, settings, train

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE: dict[str, Callable[..., float]] = {
    "accuracy": sklearn.accuracy_score,
    "balanced_accuracy": sklearn.balanced_accuracy_score,
    "f1": lambda *given, **more: sklearn.f1_score(*given, average="macro", **more),
    "f1_binary": sklearn.f1_score,
    "f1_macro": lambda *given, **more: sklearn.f1_score(*given, average="macro", **more),
    "precision": sklearn.precision_score,
    "precision_macro": lambda *g, **more: sklearn.precision_score(*g, average="macro", **more),
    "precision_micro": lambda *g, **more: sklearn.precision_score(*g, average="micro", **more),
    "recall": sklearn.recall_score,
    "recall_macro": lambda *given, **more: sklearn.recall_score(*given, average="macro", **more),
    "recall_micro": lambda *given, **more: sklearn.recall_score(*given, average="micro", **more),
}
OF_TWO = {"f1_binary", "precision", "recall"}


def test_every_metric_of_ours_is_computed() -> None:
    assert set(OF_CLASSES) | {"mse", "r2"} == metric_names.OURS
    assert set(REFERENCE) == set(OF_CLASSES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("name", sorted(OF_CLASSES))
def test_metrics_of_classes_are_scikit_learns(name: str, classes: int, weighted: bool) -> None:
    """A class may lack labels, predictions, or both."""
    if classes > 2 and name in OF_TWO:
        return
    random = np.random.default_rng(classes)
    for present in (classes, classes - 1):
        for predicted_ones in (classes, max(1, classes - 2)):
            labels = random.integers(0, present, 60).astype(np.float32)
            scores = random.integers(0, predicted_ones, 60).astype(np.float32)
            weights = random.random(60).astype(np.float32) if weighted else np.ones(60, np.float32)
            kind = Classes(labels, weights, "multi:softmax", classes)
            expected = REFERENCE[name](
                labels.astype(int), scores.astype(int), sample_weight=weights
            )
            assert kind.value(name, kind.sums(scores)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("targets", [(), (3,)])
def test_metrics_of_numbers_are_scikit_learns(targets: tuple[int, ...], weighted: bool) -> None:
    random = np.random.default_rng(0)
    labels = (random.normal(size=(80, *targets)) + 1000).astype(np.float32)
    scores = (labels + random.normal(size=labels.shape)).astype(np.float32)
    weights = random.random(80).astype(np.float32) if weighted else np.ones(80, np.float32)
    kind = Numbers(labels, weights, Alone())
    sums = kind.sums(scores)
    as_doubles = (labels.astype(float), scores.astype(float))
    for name, reference in (("mse", sklearn.mean_squared_error), ("r2", sklearn.r2_score)):
        expected = reference(*as_doubles, sample_weight=weights)
        assert kind.value(name, sums) == pytest.approx(expected, rel=1e-9)


def test_r2_of_labels_that_never_vary() -> None:
    ones = np.ones(5, np.float32)
    kind = Numbers(ones, ones, Alone())
    assert kind.value("r2", kind.sums(ones)) == 1.0
    assert kind.value("r2", kind.sums(ones * 2)) == 0.0


CLASSIFIERS: dict[str, dict[str, Any]] = {
    "binary:logistic": {},
    "binary:logitraw": {},
    "binary:hinge": {},
    "multi:softmax": {"num_class": 10},
    "multi:softprob": {"num_class": 10},
}


@pytest.mark.parametrize("objective", CLASSIFIERS)
def test_what_is_told_of_real_data_is_true(objective: str) -> None:
    """The class rule is the objective's, on what xgboost gives: never `over 0` for all."""
    import xgboost

    more = CLASSIFIERS[objective]
    features, labels = (load_digits if more else load_breast_cancer)(return_X_y=True)
    names = tuple(sorted(OF_CLASSES if not more else set(OF_CLASSES) - OF_TWO))
    chosen = settings(objective=objective, **more, eval_metric=names, num_round=5)
    half = Data(
        train=xgboost.QuantileDMatrix(features[::2], labels[::2]),
        validation=xgboost.DMatrix(features[1::2], labels[1::2]),
    )
    done = train(chosen, matrices=half)
    told = dict(word.split(":") for word in done.rounds[-1].split("\t")[1:])
    fresh = xgboost.DMatrix(features[1::2])
    predicted = predicted_labels(objective, done.boosted.booster.predict(fresh))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            expected = REFERENCE[name](labels[1::2], predicted)
            assert float(told[f"validation-{name}"]) == pytest.approx(expected, abs=1e-5)
    assert float(told["validation-accuracy"]) > 0.8


def test_weights_count() -> None:
    import xgboost

    features, labels = load_breast_cancer(return_X_y=True)
    weights = np.where(labels == 1, 5.0, 0.1).astype(np.float32)
    chosen = settings(objective="binary:logistic", eval_metric=("accuracy", "error"), num_round=2)
    done = train(
        chosen, matrices=Data(train=xgboost.QuantileDMatrix(features, labels, weight=weights))
    )
    told = dict(word.split(":") for word in done.rounds[-1].split("\t")[1:])
    error = float(told["train-error"])  # xgboost's own, which is weighted
    assert float(told["train-accuracy"]) == pytest.approx(1 - error, abs=1e-5)


def test_a_label_that_is_no_class_is_told() -> None:
    with pytest.raises(DataError, match=r"label 0\.3 is no class.*0 to 1"):
        Classes(np.array([0, 0.3], np.float32), np.ones(2, np.float32), "binary:logistic", 2)


LINE = r"\[0\]\ttrain-rmse:\d+\.\d{5}\tvalidation-rmse:\d+\.\d{5}"


def test_the_line_is_xgboosts() -> None:
    import xgboost

    chosen = settings(num_round=2)
    matrices = data(chosen)
    first = train(chosen, matrices=matrices).rounds[0]
    assert re.fullmatch(LINE, first)
    written: list[str] = []

    class Monitor(xgboost.callback.EvaluationMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(logger=lambda text: written.append(text.rstrip("\n")))

    xgboost.train(
        dict(chosen.params),
        matrices.train,
        1,
        evals=[(matrix, name) for matrix, name in matrices.named()],
        verbose_eval=False,
        callbacks=[Monitor()],
    )
    assert written == [first]


@pytest.mark.parametrize(
    ("objective", "default"),
    [
        ("reg:squarederror", "rmse"),
        ("binary:logistic", "logloss"),
        ("binary:hinge", "error"),
        ("count:poisson", "poisson-nloglik"),
        ("rank:ndcg", "ndcg@32"),
        ("reg:tweedie", "tweedie-nloglik@1.5"),
        ("survival:aft", "aft-nloglik"),
    ],
)
def test_an_objectives_own_metric(objective: str, default: str) -> None:
    told = train(settings(objective=objective, num_round=1)).rounds
    assert [word.split(":")[0] for word in told[0].split("\t")] == [
        "[0]",
        f"train-{default}",
        f"validation-{default}",
    ]


def test_metrics_keep_their_order_and_names_and_ours_follow() -> None:
    names = ("mse", "rmse", "error@0.5", "r2", "mae")
    chosen = settings(objective="binary:logistic", eval_metric=names, num_round=1)
    words = train(chosen, matrices=data(chosen, validation=False)).rounds[0].split("\t")[1:]
    assert [word.split(":")[0] for word in words] == [
        "train-rmse",
        "train-error@0.5",
        "train-mae",
        "train-mse",
        "train-r2",
    ]


@pytest.mark.parametrize(
    "name", ["error@0.5", "error@0.70", "error@0.123456789", "tweedie-nloglik@1.123456789"]
)
def test_a_metric_is_computed_once_a_round_however_it_is_spelled(name: str) -> None:
    """xgboost knows it by another name, and would take it for a new one in every round."""
    objective = "reg:tweedie" if "tweedie" in name else "binary:logistic"
    chosen = settings(objective=objective, eval_metric=(name, "error"))
    done = train(chosen)
    assert [word.split(":")[0] for word in done.rounds[-1].split("\t")[1:]] == [
        f"{channel}-{metric}" for channel in ("train", "validation") for metric in (name, "error")
    ]
    written = done.boosted.booster.eval_set(data(chosen).named(), 0).split("\t")[1:]
    assert len(written) == len(set(written))


def test_ours_alone_are_alone() -> None:
    told = train(settings(eval_metric=("r2",), num_round=1)).rounds[0]
    assert re.fullmatch(r"\[0\]\ttrain-r2:\S+\tvalidation-r2:\S+", told)


def test_the_declared_regexes_find_what_is_told() -> None:
    chosen = settings(objective="reg:tweedie", eval_metric=("rmse", "r2", "tweedie-nloglik"))
    told = train(chosen).rounds[3].replace("\t", "#011")
    words = dict(word.split(":") for word in told.split("#011")[1:])
    found = {
        metric.name: match[1]
        for metric in ALGORITHM.metrics
        if (match := re.search(metric.regex, told))
    }
    assert found == {
        f"{data}:{name}": words[f"{data}-{shown}"]
        for data in ("train", "validation")
        for name, shown in (
            ("rmse", "rmse"),
            ("r2", "r2"),
            ("tweedie-nloglik", "tweedie-nloglik@1.5"),
        )
    }


@pytest.mark.parametrize(
    ("hyperparameters", "watched"),
    [
        ({}, "rmse"),
        ({"eval_metric": ("mae", "rmse", "r2")}, "r2"),
        ({"eval_metric": ("r2", "mae")}, "mae"),
        ({"eval_metric": ("r2", "mae"), "_tuning_objective_metric": "validation:r2"}, "r2"),
        ({"eval_metric": ("r2",), "_tuning_objective_metric": "train:mape"}, "mape"),
    ],
)
def test_what_early_stopping_watches(hyperparameters: dict[str, Any], watched: str) -> None:
    chosen = settings(**hyperparameters)
    matrices = data(chosen)
    evaluation = Evaluation(chosen, matrices, Alone())
    booster = train(chosen, matrices=matrices).boosted.booster
    score = evaluation.watched(evaluation.scores(booster, 0))
    assert (score.data, score.metric) == (VALIDATION, watched)
