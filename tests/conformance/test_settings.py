"""Variables and hyperparameters that steer the runtime, and configuration documents gone wrong."""

from __future__ import annotations

import json

import pytest

from tests.conformance.cases import (
    ONE_HOST,
    Match,
    check,
    parametrised,
    reported_argv,
    seen_environment,
    seen_training_env,
)
from tests.jobs import REPORTER, Job

MATCH = (
    Match(
        id="job_name_env",
        env={"TRAINING_JOB_NAME": "tj-1"},
        sees={"SAGEMAKER_JOB_NAME": "", "TRAINING_JOB_NAME": "tj-1"},
        training_env={"job_name": "tj-1"},
    ),
    Match(
        id="log_level_hp",
        hyperparameters={"sagemaker_container_log_level": "40"},
        sees={"SM_LOG_LEVEL": "40"},
        training_env={"log_level": 40},
    ),
)


@parametrised(MATCH)
def test_match(case: Match, job: Job) -> None:
    check(case, job)


@pytest.mark.parametrize(
    ("environment", "hyperparameter", "level"),
    [
        pytest.param("40", None, "40", id="log_level_env"),
        pytest.param("40", "10", "10", id="log_level_env-hp_wins"),
        pytest.param(None, '"DEBUG"', "10", id="log_level_string"),
        pytest.param("WARNING", None, "30", id="log_level_string-env"),
    ],
)
def test_log_level(
    job: Job, environment: str | None, hyperparameter: str | None, level: str
) -> None:
    job.program(REPORTER)
    if hyperparameter is not None:
        job.hyperparameters(sagemaker_container_log_level=hyperparameter)
    if environment is not None:
        job.env(SAGEMAKER_CONTAINER_LOG_LEVEL=environment)
    ended = job.run()
    assert ended.returncode == 0, ended
    assert seen_environment(job)["SM_LOG_LEVEL"] == level


def test_submit_dir_env(job: Job) -> None:
    """The variable says where the code is; the peer reads it and never looks."""
    source = job.base / "elsewhere"
    source.mkdir()
    (source / "train.py").write_text(REPORTER)
    job.hyperparameters(sagemaker_program='"train.py"')
    ended = job.env(SAGEMAKER_SUBMIT_DIRECTORY=str(source)).run()
    assert ended.returncode == 0, ended
    assert seen_environment(job)["SM_MODULE_DIR"] == "<base>/elsewhere"


@pytest.mark.parametrize("missing", ["hyperparameters", "resourceconfig", "inputdataconfig"])
def test_cfg_no_document_means_its_default(job: Job, missing: str) -> None:
    job.program(REPORTER).channel("train", **{"a.csv": "1\n"})
    documents = {
        "hyperparameters": {"lr": "0.1"},
        "resourceconfig": ONE_HOST,
        "inputdataconfig": {"train": {}},
    }
    for name, document in documents.items():
        if name != missing:
            job.config(name, document)
    ended = job.run()
    assert ended.returncode == 0, ended
    seen = seen_environment(job)
    assert seen["SM_HPS"] == ("{}" if missing == "hyperparameters" else '{"lr":0.1}')
    assert seen["SM_CURRENT_HOST"] == "algo-1"
    assert seen["SM_HOSTS"] == '["algo-1"]'
    assert seen["SM_CHANNELS"] == '["train"]'
    assert seen["SM_CHANNEL_TRAIN"] == "<base>/input/data/train"
    assert reported_argv(job)[1:] == ([] if missing == "hyperparameters" else ["--lr", "0.1"])
    assert seen_training_env(job)["is_master"] is True


def test_cfg_no_document_at_all(job: Job) -> None:
    job.program(REPORTER)
    (job.base / "input/config").rmdir()
    (job.base / "input/data").rmdir()
    ended = job.run()
    assert ended.returncode == 0, ended
    seen = seen_environment(job)
    assert (seen["SM_HPS"], seen["SM_CHANNELS"]) == ("{}", "[]")


@pytest.mark.parametrize("name", ["hyperparameters", "resourceconfig", "inputdataconfig"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": ', id="cut"),
        pytest.param("[1]", id="not_an_object"),
        pytest.param("", id="empty"),
        pytest.param("\xff\x00", id="not_json"),
    ],
)
def test_cfg_bad_json(job: Job, name: str, text: str) -> None:
    job.program(REPORTER).config(name, text)
    ended = job.run()
    assert ended.returncode == 1, ended
    failure = ended.failure or ""
    assert failure.startswith("ConfigError: "), ended
    assert len(failure.strip().splitlines()) == 1
    assert f"{name}.json" in failure
    assert f"{name}.json" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (job.base / "output/seen.json").exists()


def test_hyperparameters_never_reach_the_log(job: Job) -> None:
    """A secret is the program's alone: not in our log, not in the failure's command."""
    secret = "sk-59fa01c2"
    job.program(REPORTER + "raise SystemExit(3)\n").hyperparameters(
        api_key=json.dumps(secret), lr="0.1"
    )
    ended = job.run()
    assert ended.returncode == 3, ended
    assert reported_argv(job)[1:] == ["--api_key", secret, "--lr", "0.1"]
    assert secret not in ended.stdout + ended.stderr
    assert secret not in (ended.failure or "")
    assert "0.1" in (ended.failure or "") + ended.stderr
