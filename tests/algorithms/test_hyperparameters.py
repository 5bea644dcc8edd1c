"""XGBoost's table of hyperparameters says what xgboost itself says."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from container_toolkit.algorithms.validation import hyperparameters
from container_toolkit.algorithms.xgboost import metric_names, parameters
from container_toolkit.algorithms.xgboost.hyperparameters import HYPERPARAMETERS, OBJECTIVES
from tests.algorithms.documents import XGBOOST, plausible

ROWS, COLUMNS, CLASSES = 60, 4, 3
DATA = np.random.default_rng(0).random((ROWS, COLUMNS), dtype=np.float32)


def checked(document: dict[str, Any]) -> dict[str, Any]:
    found = hyperparameters(XGBOOST, document, {"train", "validation"})
    assert found.problems == []
    return found.values


def problems(document: dict[str, Any]) -> list[str]:
    return hyperparameters(XGBOOST, document, {"train", "validation"}).problems


def matrix(objective: str, classes: int = CLASSES) -> Any:
    """Rows with labels that suit the objective."""
    data = xgboost.DMatrix(DATA, nthread=1)
    first = DATA[:, 0]
    if objective == "survival:aft":
        data.set_info(label_lower_bound=first + 1, label_upper_bound=first + 2, label=first + 1)
    elif objective.startswith("multi:"):
        data.set_info(label=np.floor(first * classes))
    elif objective.startswith(("binary:", "rank:", "reg:logistic")):
        data.set_info(label=(first > 0.5).astype(np.float32))
    else:
        data.set_info(label=first + 0.5)
    if objective.startswith("rank:"):
        data.set_info(qid=np.repeat(np.arange(ROWS // 10), 10))
    return data


def train(values: dict[str, Any], rounds: int = 2) -> dict[str, Any]:
    """Metrics of the last round, by xgboost itself."""
    native = [name for name in parameters.metrics(values) if metric_names.base(name) in NATIVE]
    given = {"nthread": 1, "validate_parameters": True, "verbosity": 0}
    given |= parameters.booster(values) | ({"eval_metric": native} if native else {})
    data = matrix(values["objective"], values.get("num_class", CLASSES))
    seen: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        xgboost.train(
            given, data, rounds, evals=[(data, "train")], evals_result=seen, verbose_eval=False
        )
    return {name: history[-1] for name, history in seen["train"].items()}


NATIVE = metric_names.NATIVE
RANKED = {"ndcg", "map", "pre"}  # whether these have a value depends on the labels


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(plausible())
def test_what_passes_the_check_trains(document: dict[str, str]) -> None:
    found = hyperparameters(XGBOOST, document, {"train", "validation"})
    assume(not found.problems)
    ranked = {metric_names.base(name) for name in parameters.metrics(found.values)} & RANKED
    assume(not ranked or found.values["objective"].startswith(("binary:", "rank:")))
    train(found.values)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains(objective: str) -> None:
    document = {"num_round": "2", "objective": objective}
    if objective.startswith("multi:"):
        document["num_class"] = "3"
    if objective == "reg:quantileerror":
        document["quantile_alpha"] = "[0.1, 0.9]"
    assert all(np.isfinite(list(train(checked(document)).values())))


SUITED = {
    "binary:logistic": {"logloss", "error", "error@0.7", "auc", "aucpr", "pre", "map", "ndcg"},
    "multi:softprob": {"merror", "mlogloss", "auc", "aucpr"},
    "multi:softmax": {"merror", "mlogloss", "auc", "aucpr"},
    "rank:ndcg": {"ndcg", "ndcg@3", "ndcg@3-", "map", "map@2", "pre", "pre@2", "auc", "aucpr"},
    "reg:squarederror": {"rmse", "rmsle", "mae", "mape", "mphe"},
    "reg:quantileerror": {"quantile", "mae"},
    "count:poisson": {"poisson-nloglik", "rmse"},
    "reg:gamma": {"gamma-nloglik", "gamma-deviance"},
    "reg:tweedie": {"tweedie-nloglik", "tweedie-nloglik@1.2"},
    "survival:aft": {"aft-nloglik", "interval-regression-accuracy"},
    "survival:cox": {"cox-nloglik"},
}


@pytest.mark.parametrize("objective", SUITED)
def test_the_metrics_that_suit_an_objective_have_a_value(objective: str) -> None:
    for name in sorted(SUITED[objective]):
        document = {"num_round": "1", "objective": objective, "eval_metric": name}
        document |= {"num_class": "3"} if objective.startswith("multi:") else {}
        document |= {"quantile_alpha": "0.5"} if objective == "reg:quantileerror" else {}
        values = checked(document)
        seen = train(values, 1)
        assert list(seen) == list(parameters.metrics(values))
        assert all(np.isfinite(list(seen.values()))), seen


def test_every_metric_of_the_library_suits_something() -> None:
    assert {metric_names.base(name) for names in SUITED.values() for name in names} == NATIVE


def test_the_librarys_defaults_are_as_declared() -> None:
    seen: dict[str, str] = {}
    for chosen in (
        {"objective": "rank:ndcg"},
        {"booster": "dart"},
        {"booster": "gblinear"},
        {"objective": "survival:aft"},
        {"objective": "reg:tweedie"},
        {"objective": "reg:pseudohubererror"},
    ):
        booster = xgboost.Booster({"nthread": 1, "num_feature": COLUMNS, **chosen})
        collect(json.loads(booster.save_config()), seen)
    compared = 0
    for one in HYPERPARAMETERS:
        if one.name not in seen or not one.library_default or one.name in DEPENDS:
            continue
        truths = {"true": 1.0, "false": 0.0}
        told = truths.get(one.library_default, one.library_default)
        if isinstance(told, float) or re.fullmatch(r"[0-9.]+", told):
            assert float(seen[one.name]) == pytest.approx(float(told)), one.name
        else:
            assert seen[one.name] == told, one.name
        compared += 1
    assert compared >= 30


DEPENDS = {"nthread", "base_score", "updater", "lambdarank_num_pair_per_sample", "num_class"}


def collect(config: dict[str, Any], seen: dict[str, str]) -> None:
    for name, value in config.items():
        if isinstance(value, dict):
            collect(value, seen)
        elif isinstance(value, str):
            seen.setdefault(name, value)


@pytest.mark.parametrize(
    "one", [one for one in HYPERPARAMETERS if one.deprecated], ids=lambda one: one.name
)
def test_what_is_said_to_have_no_effect_has_none(one: Any) -> None:
    text = one.choices[0] if one.choices else "1.5" if one.name == "prob_buffer_row" else "0.5"
    found = hyperparameters(XGBOOST, {"num_round": "1", one.name: text}, {"train"})
    assert found.problems == []
    assert [one.name in warning for warning in found.warnings] == [True]
    assert one.name not in parameters.booster(found.values)
    said = pytest.warns(UserWarning, match=f'"{one.name}" }} are not used')
    with xgboost.config_context(verbosity=1), said:
        xgboost.train({one.name: text, "nthread": 1}, matrix("reg:squarederror"), 1)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"objective": "multi:softprob"}, "Require input for parameter 'num_class'"),
        ({"num_class": "3"}, "num_class is for multi:softmax and multi:softprob"),
        ({"objective": "count:poisson", "eval_metric": "auc"}, "classification and ranking"),
        ({"eval_metric": "auc"}, "Metric 'auc' can only be applied for classification"),
        ({"eval_metric": "aft-nloglik"}, "Metric 'aft-nloglik' can only be applied for 'survival"),
        ({"eval_metric": "merror"}, "Metric 'merror' can only be applied for multi: objectives"),
        (
            {"objective": "multi:softprob", "num_class": "3", "eval_metric": "rmse"},
            "Metric 'rmse' can only be applied for one prediction a row",
        ),
        (
            {"objective": "multi:softprob", "num_class": "3", "eval_metric": "f1_binary"},
            "two classes; use f1_macro",
        ),
        (
            {"objective": "multi:softmax", "num_class": "3", "eval_metric": "precision"},
            "two classes; use precision_macro",
        ),
        ({"eval_metric": "accuracy"}, "'accuracy' can only be applied for classification"),
        ({"eval_metric": "quantile"}, "'reg:quantileerror' objective"),
        ({"_tuning_objective_metric": "validation:auc"}, "Metric 'auc' can only be applied"),
        ({"objective": "reg:quantileerror"}, "Require input for parameter 'quantile_alpha'"),
        ({"booster": "gblinear", "monotone_constraints": "(1)"}, "can be used only with trees"),
        ({"booster": "gblinear", "interaction_constraints": "[[0]]"}, "only with trees"),
        ({"booster": "gblinear", "updater": "prune"}, "Linear updater should be one of these"),
        ({"updater": "shotgun"}, "is for booster gblinear"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "Only one tree grow plugin can be selected"),
        ({"updater": "prune"}, "updater must begin with what grows trees"),
        ({"updater": "sync"}, "updater must begin with what grows trees"),
        ({"process_type": "update", "updater": "grow_colmaker"}, "process_type 'update' can only"),
        ({"process_type": "update"}, "process_type 'update' can only be used with updater"),
        ({"process_type": "update", "updater": "refresh"}, "starts without a model"),
        ({"multi_strategy": "multi_output_tree", "booster": "dart"}, "needs booster gbtree"),
        ({"multi_strategy": "multi_output_tree", "tree_method": "approx"}, "tree_method hist"),
        ({"tree_method": "exact", "max_depth": "0"}, "max_depth can't be 0"),
        ({"tree_method": "exact", "sampling_method": "gradient_based"}, "with tree_method exact"),
        ({"booster": "gblinear", "feature_selector": "greedy"}, "needs updater coord_descent"),
        ({"objective": "binary:logistic", "base_score": "1"}, "base_score 1 is not in (0, 1)"),
        ({"objective": "reg:gamma", "base_score": "0"}, "base_score 0 is not in (0, +inf)"),
        ({"_num_cv_round": "3"}, "set _kfold too"),
        ({"_extra_parameters": '{"eta": 1}'}, "_extra_parameters holds eta"),
        ({"_extra_parameters": '{"learning_rate": 1}'}, "_extra_parameters holds learning_rate"),
        ({"_extra_parameters": '{"seed_per_iteration": 0}'}, "which the training loop sets"),
        (
            {"objective": "reg:quantileerror", "quantile_alpha": "0.1,0.9", "eval_metric": "mae"},
            "there is one for each quantile",
        ),
        (
            {"multi_strategy": "multi_output_tree", "interaction_constraints": "[[0]]"},
            "can't be used with multi_strategy multi_output_tree",
        ),
        ({"updater": "grow_colmaker", "colsample_bynode": "0.5"}, "with tree_method exact"),
    ],
    ids=str,
)
def test_what_can_not_go_together_is_refused(document: dict[str, str], text: str) -> None:
    found = problems({"num_round": "1", **document})
    assert len(found) == 1
    assert text in found[0]


@pytest.mark.parametrize(
    "document",
    [
        {"objective": "multi:softprob", "num_class": "3", "eval_metric": "auc,f1_macro,accuracy"},
        {"objective": "multi:softmax", "num_class": "2", "eval_metric": "f1_binary,recall"},
        {"monotone_constraints": "(1,0)", "tree_method": "approx"},
        {"monotone_constraints": "[1, 0,]", "tree_method": "auto"},
        {"interaction_constraints": "[[0,1],[2,3]]", "tree_method": "approx"},
        {"base_score": "-3.5"},
        {"eta": "0.1", "lambda_bias": "0.5"},
        {"eval_metric": '["rmse", "mae"]'},
        {"early_stopping_rounds": "5"},
        {"booster": "gblinear", "updater": "coord_descent", "feature_selector": "greedy"},
        {"updater": "grow_quantile_histmaker,prune"},
    ],
    ids=str,
)
def test_what_the_reference_image_refuses_though_it_works_is_taken(
    document: dict[str, str],
) -> None:
    train(checked({"num_round": "1", **document}))


def test_constraints_reach_the_library_as_it_reads_them() -> None:
    given = {"monotone_constraints": "( 1, 0, -1 )", "interaction_constraints": "[[0, 1], [2]]"}
    given |= {"updater": "grow_histmaker, prune", "_extra_parameters": '{"sparse_threshold": 0.5}'}
    found = parameters.booster(checked({"num_round": "1", "nthread": "3", **given}))
    assert found == {
        "monotone_constraints": "(1,0,-1)",
        "interaction_constraints": "[[0, 1], [2]]",
        "updater": "grow_histmaker,prune",
        "sparse_threshold": 0.5,
        "objective": "reg:squarederror",
        "booster": "gbtree",
        "seed": 0,
        "nthread": 3,
    }


def test_the_metrics_watched_are_both_each_once_and_the_tuned_one_last() -> None:
    document = {"num_round": "1", "objective": "reg:tweedie", "eval_metric": "rmse, mae,rmse"}
    tuned = {"_tuning_objective_metric": "validation:tweedie-nloglik"}
    assert parameters.metrics(checked(document)) == ("rmse", "mae")
    assert parameters.metrics(checked({"num_round": "1"})) == ()
    assert parameters.metrics(checked(document | tuned)) == ("rmse", "mae", "tweedie-nloglik@1.5")
    again = {"_tuning_objective_metric": "validation:mae"}
    assert parameters.metrics(checked(document | again)) == ("rmse", "mae")


LINES = [
    "[39]\ttrain-rmse:1.69400\tvalidation-rmse:2.26400",
    "[39]#011train-rmse:1.69400#011validation-rmse:2.26400",
    "[01:32:20] [39]\ttrain-rmse:1.69400\tvalidation-rmse:2.26400",
    "T [39]\ttrain-mae:9\ttrain-rmse:1.69400\tvalidation-mae:8\tvalidation-rmse:2.26400",
]


@pytest.mark.parametrize("line", LINES)
def test_the_patterns_find_the_values(line: str) -> None:
    found = {one.name: re.search(one.regex, line) for one in XGBOOST.metrics}
    assert found["train:rmse"][1] == "1.69400"  # type: ignore[index]
    assert found["validation:rmse"][1] == "2.26400"  # type: ignore[index]
    rest = {name for name, match in found.items() if match} - {"train:rmse", "validation:rmse"}
    assert rest <= {"train:mae", "validation:mae"}


@given(st.sampled_from(sorted(NATIVE | metric_names.OURS)), st.floats())
def test_every_metric_is_found_in_its_own_line_only(name: str, value: float) -> None:
    line = f"[3]\ttrain-{name}:{value:.5f}\tvalidation-{name}:{value:.5f}"
    found = {one.name for one in XGBOOST.metrics if re.search(one.regex, line)}
    assert found == {f"train:{name}", f"validation:{name}"}


@pytest.mark.parametrize("name", ["ndcg@5", "ndcg@5-", "ndcg-", "map@3", "error@0.7", "pre@2"])
def test_what_follows_a_name_is_part_of_it(name: str) -> None:
    pattern = metric_names.regex("validation", metric_names.base(name))
    match = re.search(pattern, f"[3]\ttrain-{name}:0.1\tvalidation-{name}:0.25000")
    assert match is not None
    assert match[1] == "0.25000"
    assert metric_names.maximize(name) is not name.startswith("error")


def test_more_is_better_as_the_reference_has_it_save_where_that_is_wrong() -> None:
    more = "accuracy auc aucpr balanced_accuracy f1 f1_binary f1_macro map ndcg precision r2 recall"
    more += " precision_macro precision_micro recall_macro recall_micro"
    assert metric_names.MAXIMIZED - set(more.split()) == {"interval-regression-accuracy", "pre"}
    assert set(more.split()) <= metric_names.MAXIMIZED
    assert set() == metric_names.NATIVE & metric_names.OURS
