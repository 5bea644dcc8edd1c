"""Hyperparameter documents of XGBoost, made up: any text at all, and what could well be right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from container_toolkit.algorithms import get
from container_toolkit.algorithms.declaration import CONTINUOUS, INTEGER
from container_toolkit.algorithms.xgboost import metric_names
from container_toolkit.algorithms.xgboost.texts import CHANGERS, GROWERS, LINEAR

if TYPE_CHECKING:
    from container_toolkit.algorithms.declaration import Hyperparameter

XGBOOST = get("xgboost", "the tests")
NAMES = [name for one in XGBOOST.hyperparameters for name in (one.name, *one.aliases)]
METRICS = [
    *sorted(metric_names.NATIVE - {"tweedie-nloglik"}),
    "tweedie-nloglik@1.3",
    "error@0.7",
    "ndcg@3",
    "map@2-",
    "ndcg-",
]

HOSTILE = [
    "__import__('os').system('touch /tmp/owned')",
    "(__import__('os').getpid(), 0)",
    "[[__import__('os').getpid()]]",
    "{'a': 1}",
    "[" * 3000,
    '"' * 2,
    "()",
    "[]",
    "[[]]",
    "nan",
    "-inf",
    "1e400",
    "1e-400",
    "1_000",
    "٣",
    "0x10",
    "9" * 5000,
    "1,,2",
    ",",
    "error@",
    "@",
    "ndcg@0",
    "validation:",
    ":",
    "null",
    "True",
]


def anything() -> st.SearchStrategy[dict[str, Any]]:
    """Names that exist and some that do not, values of every kind that JSON has."""
    scalar = st.one_of(
        st.text(max_size=12),
        st.sampled_from(HOSTILE),
        st.integers().map(str),
        st.floats().map(str),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.none(),
        st.sampled_from([choice for one in XGBOOST.hyperparameters for choice in one.choices]),
    )
    value = st.one_of(scalar, st.lists(scalar, max_size=3), scalar.map(lambda one: json.dumps(one)))
    names = st.one_of(st.sampled_from(NAMES), st.text(max_size=8), st.just("sagemaker_program"))
    return st.dictionaries(names, value, max_size=12)


def plausible() -> st.SearchStrategy[dict[str, str]]:
    """Every value in its own range, though together they may not do."""
    own = {
        one.name: in_range(one)
        for one in XGBOOST.hyperparameters
        if not one.deprecated and one.name not in ("num_round", "device", "verbosity", "nthread")
    }
    some = st.lists(st.sampled_from(sorted(own)), unique=True, max_size=7)
    return some.flatmap(
        lambda names: st.fixed_dictionaries({name: own[name] for name in names})
    ).map(completed)


def completed(document: dict[str, str]) -> dict[str, str]:
    """With what the objective asks for."""
    objective = document.get("objective", "")
    more = {"num_round": "2"}
    if objective.startswith("multi:"):
        more |= {"num_class": "3"}
    if objective == "reg:quantileerror":
        more |= {"quantile_alpha": "[0.2, 0.5]"}
    return more | document


def in_range(one: Hyperparameter) -> st.SearchStrategy[str]:
    if one.choices:
        return st.sampled_from(one.choices)
    if one.kind in (INTEGER, CONTINUOUS):
        low = -3.0 if one.range is None or one.range.low is None else one.range.low
        high = low + 4 if one.range is None or one.range.high is None else one.range.high
        if one.kind == INTEGER:
            return st.integers(int(low), int(high)).map(str)
        open_ends = {
            "exclude_min": one.range is not None and one.range.low_open,
            "exclude_max": one.range is not None and one.range.high_open,
        }
        return st.floats(low, high, width=16, **open_ends).map(str)
    return TEXTS[one.name]


TEXTS = {
    "eval_metric": st.lists(st.sampled_from(METRICS), min_size=1, max_size=2).map(", ".join),
    "_tuning_objective_metric": st.sampled_from(METRICS).map("train:{}".format),
    "_extra_parameters": st.sampled_from(["{}", '{"sparse_threshold": 0.1}']),
    "monotone_constraints": st.lists(st.sampled_from(["1", "0", "-1"]), min_size=1, max_size=4).map(
        lambda parts: f"({','.join(parts)})"
    ),
    "interaction_constraints": st.lists(
        st.lists(st.integers(0, 3), min_size=1, max_size=3), max_size=3
    ).map(json.dumps),
    "updater": st.lists(
        st.sampled_from([*GROWERS, *CHANGERS, *LINEAR]), min_size=1, max_size=3
    ).map(",".join),
    "quantile_alpha": st.lists(st.floats(0, 1, width=16), min_size=1, max_size=3).map(str),
}
