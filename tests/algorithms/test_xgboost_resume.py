"""A training that is interrupted and resumed makes the same model as one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from container_toolkit.algorithms.xgboost import boost
from tests.algorithms.small_trainings import settings, train

if TYPE_CHECKING:
    from pathlib import Path

SAMPLED = {"subsample": 0.7, "colsample_bytree": 0.6, "colsample_bylevel": 0.8}
BY_NODE = {**SAMPLED, "colsample_bynode": 0.8}
DROPPED = {"booster": "dart", "rate_drop": 0.4, "skip_drop": 0.2}
LOGISTIC = {"objective": "binary:logistic"}
CASES: dict[str, dict[str, Any]] = {
    "hist": BY_NODE,
    "auto": {**BY_NODE, "tree_method": "auto"},
    "hist, subsample only": {"subsample": 0.7, "tree_method": "hist"},
    "hist, gradient based": {"subsample": 0.5, "sampling_method": "gradient_based"},
    "hist, two classes": {**BY_NODE, **LOGISTIC},
    "hist, classes": {**BY_NODE, "objective": "multi:softprob", "num_class": 3},
    "hist, vectors": {
        "objective": "multi:softprob",
        "num_class": 3,
        "multi_strategy": "multi_output_tree",
        "subsample": 0.7,
    },
    "hist, forest": {**BY_NODE, **LOGISTIC, "num_parallel_tree": 3},
    "hist, leaves": {**BY_NODE, "grow_policy": "lossguide", "max_leaves": 7},
    "hist, medians": {**BY_NODE, "objective": "reg:absoluteerror"},
    "hist, quantiles": {
        **BY_NODE,
        "objective": "reg:quantileerror",
        "quantile_alpha": (0.2, 0.8),
    },
    "hist, counts": {**BY_NODE, "objective": "count:poisson"},
    "hist, ranks": {**BY_NODE, "objective": "rank:ndcg"},
    "hist, ranks by pairs": {
        **BY_NODE,
        "objective": "rank:pairwise",
        "lambdarank_pair_method": "mean",
    },
    "hist, survival": {**BY_NODE, "objective": "survival:aft"},
    "hist by its updater": {**BY_NODE, "updater": ("grow_quantile_histmaker", "prune")},
    "dart": {**BY_NODE, **DROPPED},
    "dart, classes": {**SAMPLED, **DROPPED, "objective": "multi:softmax", "num_class": 3},
    "approx": {**BY_NODE, "tree_method": "approx"},
    "approx, two classes": {**BY_NODE, **LOGISTIC, "tree_method": "approx"},
    "approx by its updater": {**BY_NODE, "updater": ("grow_histmaker",)},
    "approx, dart": {**SAMPLED, **DROPPED, "tree_method": "approx"},
    "exact": {**SAMPLED, "tree_method": "exact"},
    "exact, classes": {
        **SAMPLED,
        "tree_method": "exact",
        "objective": "multi:softprob",
        "num_class": 3,
    },
    "exact, dart": {**SAMPLED, **DROPPED, "tree_method": "exact"},
    "linear": {"booster": "gblinear", "updater": ("coord_descent",)},
    "linear, drawn": {
        "booster": "gblinear",
        "updater": ("coord_descent",),
        "feature_selector": "random",
        **LOGISTIC,
    },
    "linear, classes": {
        "booster": "gblinear",
        "updater": ("coord_descent",),
        "objective": "multi:softmax",
        "num_class": 3,
    },
}
cases = pytest.mark.parametrize("hyperparameters", CASES.values(), ids=CASES)


@cases
def test_the_model_and_its_metrics_are_the_same(
    tmp_path: Path, hyperparameters: dict[str, Any]
) -> None:
    whole = train(settings(**hyperparameters))
    train(settings(**hyperparameters, num_round=1), str(tmp_path))
    train(settings(**hyperparameters, num_round=4), str(tmp_path))
    resumed = train(settings(**hyperparameters), str(tmp_path))
    assert resumed.rounds == whole.rounds[4:]
    assert resumed.model == whole.model


@cases
def test_and_so_with_early_stopping(tmp_path: Path, hyperparameters: dict[str, Any]) -> None:
    """eta is so large that the best round is soon found, and lies before the last."""
    early = {**hyperparameters, "early_stopping_rounds": 3, "eta": 1.0, "num_round": 30}
    whole = train(settings(**early))
    rounds = len(whole.rounds)
    train(settings(**{**early, "num_round": rounds - 2}), str(tmp_path))
    resumed = train(settings(**early), str(tmp_path))
    assert resumed.rounds == whole.rounds[-2:]
    assert resumed.model == whole.model
    again = train(settings(**early), str(tmp_path))
    assert again.rounds == []
    assert again.model == whole.model


def test_without_new_updaters_it_would_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boost, "renew", lambda booster, settings: None)
    whole = train(settings(**SAMPLED))
    train(settings(**SAMPLED, num_round=4), str(tmp_path))
    assert train(settings(**SAMPLED), str(tmp_path)).model != whole.model


def test_without_the_first_cuts_it_would_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approx = {**SAMPLED, "tree_method": "approx"}
    monkeypatch.setattr(boost, "make_first_cuts", lambda settings, data: None)
    whole = train(settings(**approx))
    train(settings(**approx, num_round=4), str(tmp_path))
    assert train(settings(**approx), str(tmp_path)).model != whole.model
