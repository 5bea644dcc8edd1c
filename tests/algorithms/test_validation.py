"""A job against a declaration: what is told, in which words, and that nothing is evaluated."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from container_toolkit import TrainingEnvironment
from container_toolkit.algorithms import parsing, validation
from container_toolkit.algorithms.declaration import INTEGER
from container_toolkit.algorithms.validation import hyperparameters
from container_toolkit.errors import ConfigError
from tests.algorithms.documents import HOSTILE, NAMES, XGBOOST, anything

if TYPE_CHECKING:
    from tests.jobs import Job

ROOT = Path(__file__).parents[2]
BOTH = {"train", "validation"}


def checked(document: dict[str, Any]) -> validation.Checked:
    return hyperparameters(XGBOOST, {"num_round": "10", **document}, BOTH)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"foo": "1"}, "Extraneous hyperparameter found: foo"),
        (
            {"objektive": "1"},
            "Extraneous hyperparameter found: objektive (did you mean objective?)",
        ),
        ({"num_round": "10.0"}, "Hyperparameter num_round: could not parse value '10.0'"),
        ({"num_round": 10.0}, "Hyperparameter num_round: could not parse value '10.0'"),
        ({"num_round": "1_0"}, "Hyperparameter num_round: could not parse value"),
        ({"num_round": "٣"}, "Hyperparameter num_round: could not parse value"),
        ({"num_round": "0x10"}, "Hyperparameter num_round: could not parse value"),
        ({"num_round": "9" * 5000}, "Hyperparameter num_round: could not parse value '999"),
        ({"num_round": "2147483648"}, "Hyperparameter num_round: could not parse value"),
        ({"num_round": True}, "Hyperparameter num_round: could not parse value 'true'"),
        ({"num_round": None}, "Hyperparameter num_round: could not parse value 'null'"),
        ({"num_round": ""}, "Hyperparameter num_round: could not parse value ''"),
        ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({"eta": "1.5"}, "Hyperparameter eta: 1.5 is not in [0, 1]"),
        ({"learning_rate": "1.5"}, "Hyperparameter eta: 1.5 is not in [0, 1]"),
        ({"eta": "nan"}, "Hyperparameter eta: could not parse value 'nan'"),
        ({"eta": "inf"}, "Hyperparameter eta: could not parse value 'inf'"),
        ({"eta": "1e-50"}, "Hyperparameter eta: could not parse value '1e-50'"),
        ({"gamma": "1e39"}, "Hyperparameter gamma: could not parse value '1e39'"),
        ({"gamma": "1e400"}, "Hyperparameter gamma: could not parse value '1e400'"),
        ({"subsample": "0"}, "Hyperparameter subsample: 0 is not in (0, 1]"),
        ({"tweedie_variance_power": "1"}, "Hyperparameter tweedie_variance_power: 1 is not in (1,"),
        (
            {"booster": "tree"},
            "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']",
        ),
        ({"tree_method": "gpu_hist"}, "Hyperparameter tree_method: gpu_hist is not in ['auto', "),
        ({"objective": "aft_loss_distribution"}, "Hyperparameter objective: aft_loss_distribution"),
        ({"use_dask_gpu_training": "true"}, "Hyperparameter use_dask_gpu_training: true is not in"),
        (
            {"eval_metric": "rmse,foo"},
            "Hyperparameter eval_metric: value ['rmse', 'foo'] not in range",
        ),
        ({"eval_metric": "rmse,,mae"}, "Hyperparameter eval_metric: could not parse value"),
        ({"eval_metric": "auc@2"}, "Hyperparameter eval_metric: Metric 'auc@2' is not supported."),
        ({"eval_metric": "error@x"}, "Threshold value 'x' in 'error@x' expects float input"),
        ({"eval_metric": "error@nan"}, "Threshold value 'nan' in 'error@nan' expects float input"),
        ({"eval_metric": "ndcg@0"}, "Threshold value '0' in 'ndcg@0' must be 1 or more"),
        ({"eval_metric": "ndcg@2.5"}, "Threshold value '2.5' in 'ndcg@2.5' expects a whole number"),
        ({"eval_metric": "rmse-"}, "Metric 'rmse-' is not supported"),
        ({"eval_metric": "<function f at 0x7f>"}, "Hyperparameter eval_metric: value ['<function"),
        ({"_tuning_objective_metric": "rmse"}, "is no metric of a channel, e.g. validation:rmse"),
        ({"_tuning_objective_metric": "validation:rmse,mae"}, "is more than one metric"),
        (
            {"monotone_constraints": "(2,0)"},
            "Hyperparameter monotone_constraints: value (2,0) not in",
        ),
        (
            {"monotone_constraints": "__import__('os')"},
            "monotone_constraints: could not parse value",
        ),
        ({"interaction_constraints": "[[0, -1]]"}, "-1 is not the number of a column, from 0"),
        (
            {"interaction_constraints": "[[0, 1.0]]"},
            "interaction_constraints: could not parse value",
        ),
        ({"interaction_constraints": "[" * 9000}, "interaction_constraints: could not parse value"),
        ({"quantile_alpha": "1.5"}, "Hyperparameter quantile_alpha: value 1.5 not in range [0, 1]"),
        ({"updater": "distcol"}, "xgboost has dropped it"),
        ({"_extra_parameters": "[1]"}, "_extra_parameters: could not parse value '[1]'"),
        (
            {"_extra_parameters": '{"a": NaN}'},
            "member a is neither text, number nor a list of them",
        ),
        (
            {"eta": "0.1", "learning_rate": "0.2"},
            "Hyperparameters eta and learning_rate are the same",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_problem_is_told_in_the_words_people_look_for(
    document: dict[str, Any], text: str
) -> None:
    found = checked(document)
    assert len(found.problems) == 1
    assert text in found.problems[0]


def test_a_hint_names_what_took_the_place_of_a_value() -> None:
    assert "device to cuda" in checked({"tree_method": "gpu_hist"}).problems[0]
    assert "device to cuda" in checked({"use_dask_gpu_training": "true"}).problems[0]
    assert "did you mean binary:logitraw?" in checked({"objective": "binary:logistraw"}).problems[0]


@pytest.mark.parametrize(
    ("name", "given_", "value"),
    [
        ("num_round", "7", 7),
        ("num_round", " +7 ", 7),
        ("num_round", 7, 7),
        ("num_round", '"7"', 7),
        ("eta", ".5", 0.5),
        ("eta", "5e-1", 0.5),
        ("eta", 1, 1.0),
        ("objective", '"binary:logistic"', "binary:logistic"),
        ("learning_rate", "0.5", 0.5),
        ("eval_metric", "rmse, mae", ("rmse", "mae")),
        ("eval_metric", '"rmse,mae"', ("rmse", "mae")),
        ("eval_metric", ["rmse", "mae"], ("rmse", "mae")),
        ("monotone_constraints", "(1,0,-1)", (1, 0, -1)),
        ("monotone_constraints", "(1,)", (1,)),
        ("monotone_constraints", [1, 0], (1, 0)),
        ("interaction_constraints", "[[0,1],[2,3]]", ((0, 1), (2, 3))),
        ("quantile_alpha", "0.5", (0.5,)),
        ("save_model_on_termination", "True", "true"),
        ("save_model_on_termination", True, "true"),
        ("base_score", "-2", -2.0),
        ("_tuning_objective_metric", "validation:rmse", "validation:rmse"),
    ],
    ids=str,
)
def test_text_becomes_its_value(name: str, given_: Any, value: Any) -> None:
    found = checked({name: given_})
    assert found.problems == []
    canonical = "eta" if name == "learning_rate" else name
    assert found.values[canonical] == value
    assert type(found.values[canonical]) is type(value)


def test_what_is_not_given_has_its_default_or_is_not_there() -> None:
    assert checked({}).values == {
        "num_round": 10,
        "csv_weights": 0,
        "_num_cv_round": 1,
        "save_model_on_termination": "false",
        "seed": 0,
        "booster": "gbtree",
        "objective": "reg:squarederror",
    }


def test_what_steers_the_toolkit_is_no_concern_of_the_algorithm() -> None:
    found = checked({"sagemaker_program": "x.py", "sagemaker_anything": "1", "eta": "0.5"})
    assert found.problems == []
    assert "sagemaker_program" not in found.values


def test_unknown_names_reach_the_library_only_when_asked_for() -> None:
    assert "sparse_threshold" in checked({"sparse_threshold": "0.1"}).problems[0]
    found = checked({"_extra_parameters": '{"sparse_threshold": 0.1}'})
    assert found.problems == []
    assert found.values["_extra_parameters"] == {"sparse_threshold": 0.1}


def test_a_rule_is_silent_about_what_could_not_be_read() -> None:
    found = checked({"objective": "multi:softprop", "num_class": "x", "eval_metric": "auc"})
    about = {text.split(":")[0] for text in found.problems}
    assert about == {"Hyperparameter objective", "Hyperparameter num_class"}


@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
@given(anything())
def test_any_document_is_either_read_or_refused(document: dict[str, Any]) -> None:
    found = hyperparameters(XGBOOST, document, BOTH)
    for text in found.problems:
        assert text
        assert len(text) < 1000
    if found.problems:
        return
    declared = {one.name: one for one in XGBOOST.hyperparameters}
    for name, value in found.values.items():
        one = declared[name]
        assert not one.choices or value in one.choices
        if one.range is not None:
            assert one.range.holds(value)
            assert type(value) is (int if one.kind == INTEGER else float)
            assert math.isfinite(value)


WATCHED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from container_toolkit.algorithms import get, parsing
from container_toolkit.algorithms.validation import hyperparameters
declared = get("xgboost", "x")
hyperparameters(declared, {"a": "1"}, ())  # whatever is imported late
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
for name, text in json.load(sys.stdin):
    hyperparameters(declared, {"num_round": "1", name: text}, ())
print(sorted(set(seen)))
"""


def test_nothing_is_evaluated_opened_or_imported() -> None:
    pairs = [(name, text) for name in NAMES for text in HOSTILE]
    done = subprocess.run(
        [sys.executable, "-I", "-c", WATCHED, str(ROOT)],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not Path("/tmp/owned").exists()


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert len(checked({"booster": "x" * 2500}).problems[0]) < 200
    assert parsing.shown("x" * 61) == "x" * 59 + "…"


# Channels


def problems_of(job: Job) -> str:
    with pytest.raises(ConfigError) as raised:
        validation.job(XGBOOST, TrainingEnvironment.load(environ=job.environ))
    return str(raised.value)


def content_types(job: Job) -> dict[str, str]:
    found = validation.job(XGBOOST, TrainingEnvironment.load(environ=job.environ))
    return {name: str(media) for name, media in found.content_types.items()}


def test_every_problem_is_told_at_once(job: Job) -> None:
    job.hyperparameters(eta="1.5", booster="tree", foo="1")
    job.config("inputdataconfig", {"test": {}, "validation": {"ContentType": "text/plain"}})
    assert problems_of(job) == (
        "Extraneous hyperparameter found: foo; Missing required hyperparameter: num_round;"
        " Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']"
        " (did you mean gbtree?); Hyperparameter eta: 1.5 is not in [0, 1];"
        " Missing required channel: train; Extraneous channel found: test;"
        " channel 'validation', ContentType: text/plain is not an accepted ContentType, use one of"
        " text/csv, text/libsvm, application/x-recordio-protobuf, application/x-parquet,"
        " application/json, application/jsonlines, application/x-npy"
    )


@pytest.mark.parametrize(
    ("hyperparameters_", "text"),
    [
        ({"early_stopping_rounds": "3"}, "early_stopping_rounds needs the channel validation"),
        ({"_tuning_objective_metric": "validation:rmse"}, "needs the channel validation"),
    ],
    ids=str,
)
def test_what_looks_at_validation_needs_it(
    job: Job, hyperparameters_: dict[str, str], text: str
) -> None:
    job.hyperparameters(num_round="1", **hyperparameters_).channel("train", **{"a.csv": "1,2\n"})
    assert text in problems_of(job)
    job.channel("validation", **{"a.csv": "1,2\n"})
    assert set(content_types(job)) == {"train", "validation"}


@pytest.mark.parametrize(
    "hyperparameters_",
    [{"_kfold": "3", "early_stopping_rounds": "2"}, {"_tuning_objective_metric": "train:rmse"}],
    ids=str,
)
def test_what_does_not_look_at_validation_does_without(
    job: Job, hyperparameters_: dict[str, str]
) -> None:
    job.hyperparameters(num_round="1", **hyperparameters_).channel("train", **{"a.csv": "1,2\n"})
    assert set(content_types(job)) == {"train"}


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("text/csv", "text/csv"),
        ("csv", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/csv;label_size=1", "text/csv; label_size=1"),
        ("TEXT/X-LIBSVM", "text/libsvm"),
        ("application/x-recordio-protobuf", "application/x-recordio-protobuf"),
        ("parquet", "application/x-parquet"),
    ],
)
def test_a_content_type_may_have_parameters_and_short_names(
    job: Job, given_: str, read: str
) -> None:
    job.hyperparameters(num_round="1").channel("train", **{"part-0": ""})
    job.config("inputdataconfig", {"train": {"ContentType": given_}})
    assert content_types(job) == {"train": read}


@pytest.mark.parametrize(
    ("files", "read"),
    [
        (["a.csv"], "text/csv"),
        (["a.CSV", "b.parquet"], "text/csv"),
        ([".hidden.csv", "_SUCCESS.csv", "b.parquet"], "application/x-parquet"),
        (["a.pbr"], "application/x-recordio-protobuf"),
        (["a.jsonl"], "application/jsonlines"),
        (["a.npy"], "application/x-npy"),
        (["part-00000"], "text/libsvm"),
        (["a.txt"], "text/libsvm"),
        ([], "text/libsvm"),
    ],
    ids=str,
)
def test_without_a_content_type_the_first_files_name_tells(
    job: Job, files: list[str], read: str
) -> None:
    job.hyperparameters(num_round="1").channel("train", **dict.fromkeys(files, ""))
    job.config("inputdataconfig", {"train": {}})
    assert content_types(job) == {"train": read}


def test_every_host_finds_the_same_content_type(job: Job) -> None:
    job.hyperparameters(num_round="1").channel("train", **{"a.csv": "1,2\n"})
    hosts = ["algo-1", "algo-2", "algo-3"]
    for host in hosts:
        job.config("resourceconfig", {"current_host": host, "hosts": hosts})
        assert content_types(job) == {"train": "text/csv"}


def test_channels_of_the_toolkit_are_left_alone(job: Job) -> None:
    job.hyperparameters(num_round="1").channel("train", **{"a.csv": "1,2\n"})
    for name in ("code", "model", "checkpoints", "sm_drivers"):
        job.channel(name, **{"x.bin": ""})
    assert content_types(job) == {"train": "text/csv"}


def test_a_channel_whose_name_is_misspelt_is_told_with_the_right_one(job: Job) -> None:
    job.hyperparameters(num_round="1").channel("train").channel("validaton")
    assert problems_of(job) == "Extraneous channel found: validaton (did you mean validation?)"


def test_pipe_mode_has_no_files_to_look_at(job: Job) -> None:
    job.hyperparameters(num_round="1")
    job.config("inputdataconfig", {"train": {"TrainingInputMode": "Pipe"}})
    assert content_types(job) == {"train": "text/libsvm"}
