"""A declaration is data that a bare Python reads, that people read, and that the service takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import botocore.validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_toolkit import cli
from container_toolkit.algorithms import create_algorithm, describe, function
from container_toolkit.algorithms.declaration import (
    CATEGORICAL,
    CONTINUOUS,
    FREE_TEXT,
    INTEGER,
    Algorithm,
    Interval,
)
from container_toolkit.content_types import CODECS
from tests.algorithms.documents import XGBOOST

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture

ROOT = Path(__file__).parents[2]


def test_a_bare_python_reads_every_declaration() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from container_toolkit import algorithms\n"
        "from container_toolkit.algorithms import create_algorithm, describe, validation\n"
        "for name in algorithms.ALGORITHMS:\n"
        "    found = algorithms.get(name, name)\n"
        "    describe.text(found), describe.document(found), create_algorithm.request(found, 'i')\n"
        "    validation.hyperparameters(found, {'num_round': '1'}, ())\n"
        "print(*{'numpy', 'xgboost', 'pyarrow', 'scipy'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == ""


def test_a_declaration_is_consistent() -> None:
    names = [name for one in XGBOOST.hyperparameters for name in (one.name, *one.aliases)]
    assert len(names) == len(set(names))
    for one in XGBOOST.hyperparameters:
        assert one.meaning or one.deprecated, one.name
        assert (one.kind == CATEGORICAL) == bool(one.choices)
        assert (one.kind == FREE_TEXT) == (one.parse is not None)
        assert one.range is None or one.kind in (INTEGER, CONTINUOUS)
        assert one.default is None or not one.choices or one.default in one.choices
        if one.tunable is not None and one.range is not None:
            assert one.range.holds(one.tunable.low or 0)
            assert one.range.holds(one.tunable.high or 0)
    declared = {one.name for one in XGBOOST.hyperparameters}
    for rule in XGBOOST.rules:
        assert set(rule.about) <= declared
    assert {role.default for role in XGBOOST.channels} <= set(XGBOOST.content_types)
    assert set(XGBOOST.content_types) | set(XGBOOST.accepts) <= set(CODECS)


def test_every_name_of_the_reference_image_is_declared() -> None:
    """Those of its algorithm mode; `single_precision_histogram` is in its documentation only."""
    names = """num_round num_class csv_weights early_stopping_rounds booster verbosity nthread eta
        learning_rate gamma min_split_loss max_depth min_child_weight max_delta_step subsample
        colsample_bytree colsample_bylevel colsample_bynode lambda reg_lambda alpha reg_alpha
        tree_method sketch_eps scale_pos_weight updater dsplit refresh_leaf process_type grow_policy
        max_leaves max_bin predictor monotone_constraints interaction_constraints sample_type
        normalize_type rate_drop skip_drop one_drop lambda_bias tweedie_variance_power objective
        base_score eval_metric _tuning_objective_metric _kfold _num_cv_round seed num_parallel_tree
        save_model_on_termination aft_loss_distribution aft_loss_distribution_scale
        deterministic_histogram single_precision_histogram sampling_method prob_buffer_row
        use_dask_gpu_training"""
    ours = {name for one in XGBOOST.hyperparameters for name in (one.name, *one.aliases)}
    assert set(names.split()) - ours == set()


bounds = st.one_of(st.none(), st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6))


@given(bounds, bounds, st.booleans(), st.booleans(), st.floats(allow_nan=False))
def test_an_interval_reads_what_it_shows(
    low: float | None, high: float | None, low_open: bool, high_open: bool, value: float
) -> None:
    interval = Interval(
        low=low,
        high=high,
        low_open=low_open and low is not None,
        high_open=high_open and high is not None,
    )
    again = Interval.of(str(interval))
    assert again == interval
    for one in (value, low, high):
        if one is not None:
            assert again.holds(one) == interval.holds(one)
    assert not interval.holds(float("nan"))


def test_intervals_are_shown_as_people_know_them() -> None:
    shown = ["[1, +inf)", "(0, 1]", "(-inf, 0.5)", "(-2147483648, 2147483647)", "(-inf, +inf)"]
    assert [str(Interval.of(text)) for text in shown] == shown


def shown_by_cli(capsys: CaptureFixture[str], *argv: str) -> str:
    assert cli.main(["algorithms", *argv]) == 0
    return capsys.readouterr().out


def test_the_list_and_the_page(capsys: CaptureFixture[str]) -> None:
    assert shown_by_cli(capsys).startswith("xgboost  Gradient boosted trees")
    page = shown_by_cli(capsys, "xgboost")
    assert max(map(len, page.splitlines())) <= 100
    for one in XGBOOST.hyperparameters:
        assert f"\n  {one.name}{describe.also(one)}  {one.kind}, " in page
    for named in (*XGBOOST.content_types, *XGBOOST.outputs, XGBOOST.artifact, "validation:rmse"):
        assert named in page


def test_the_declaration_as_data(capsys: CaptureFixture[str]) -> None:
    found = json.loads(shown_by_cli(capsys, "xgboost", "--json"))
    assert found["name"] == "xgboost"
    table = {one["name"]: one for one in found["hyperparameters"]}
    assert table["eta"]["range"] == "[0, 1]"
    assert table["eta"]["aliases"] == ["learning_rate"]
    assert table["booster"]["choices"] == ["gbtree", "gblinear", "dart"]
    assert len(table) == len(XGBOOST.hyperparameters)
    assert len(found["metrics"]) == len(XGBOOST.metrics)


@pytest.mark.parametrize(
    "argv", [["xgbost"], ["--create-algorithm", "image"]], ids=["unknown", "unnamed"]
)
def test_the_verb_says_what_is_missing(capsys: CaptureFixture[str], argv: list[str]) -> None:
    assert cli.main(["algorithms", *argv]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "NAME" in said.err


# CreateAlgorithm


def request(algorithm: Algorithm = XGBOOST) -> dict[str, Any]:
    return create_algorithm.request(algorithm, "0123.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1")


def test_the_service_s_own_model_takes_the_request(capsys: CaptureFixture[str]) -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateAlgorithm").input_shape
    found = json.loads(shown_by_cli(capsys, "xgboost", "--create-algorithm", request_image()))
    assert found == request()
    assert not botocore.validate.ParamValidator().validate(found, shape).has_errors()
    assert complaints(found, shape, "request") == []


def request_image() -> str:
    image: str = request()["TrainingSpecification"]["TrainingImage"]
    return image


def complaints(value: Any, shape: Any, where: str) -> list[str]:
    """What the limits, patterns and enumerations say, which botocore leaves to the service."""
    if shape.type_name == "structure":
        parts = [(value[name], shape.members[name], f"{where}.{name}") for name in value]
    elif shape.type_name == "list":
        parts = [(one, shape.member, f"{where}[{number}]") for number, one in enumerate(value)]
    else:
        parts = []
    found = [text for part in parts for text in complaints(*part)]
    if shape.type_name in ("string", "list"):
        limits = shape.metadata
        if not limits.get("min", 0) <= len(value) <= limits.get("max", len(value)):
            found.append(f"{where}: length {len(value)}")
        if limits.get("enum") and value not in limits["enum"]:
            found.append(f"{where}: {value} is none of the service's")
        pattern = limits.get("pattern", "")
        if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, value):
            found.append(f"{where}: {value!r} does not match")
    return found


def test_the_complaints_are_heard() -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateAlgorithm").input_shape
    broken = request() | {"AlgorithmName": "a_b"}
    broken["TrainingSpecification"]["SupportedTrainingInstanceTypes"] = ["ml.none"]
    broken["TrainingSpecification"]["MetricDefinitions"] *= 2
    assert len(complaints(broken, shape, "request")) == 3


def test_the_request_says_what_the_declaration_does() -> None:
    training = request()["TrainingSpecification"]
    table = {one["Name"]: one for one in training["SupportedHyperParameters"]}
    assert table["num_round"]["IsRequired"] is True
    assert table["num_round"]["Range"] == {
        "IntegerParameterRangeSpecification": {"MinValue": "1", "MaxValue": "2147483647"}
    }
    ends = table["eta"]["Range"]["ContinuousParameterRangeSpecification"]
    assert (float(ends["MinValue"]), float(ends["MaxValue"])) == (0, 1)
    assert table["learning_rate"]["Range"] == table["eta"]["Range"]
    assert table["eta"]["IsTunable"] is True
    assert table["nthread"]["IsTunable"] is False
    assert table["objective"]["DefaultValue"] == "reg:squarederror"
    assert "Range" not in table["eval_metric"]
    metrics = {one["Name"]: one["Regex"] for one in training["MetricDefinitions"]}
    tuned = {
        one["MetricName"]: one["Type"] for one in training["SupportedTuningJobObjectiveMetrics"]
    }
    assert set(tuned) == set(metrics)
    assert tuned["validation:auc"] == "Maximize"
    assert tuned["validation:rmse"] == "Minimize"
    assert re.search(metrics["validation:rmse"], "[1]#011train-rmse:2#011validation-rmse:3")
    assert {name for name in tuned if name.startswith("validation:")} == {
        one.name for one in XGBOOST.metrics if one.name.startswith("validation:")
    }


def test_a_function_is_found_by_its_name() -> None:
    assert function("container_toolkit.algorithms.describe:text") is describe.text
