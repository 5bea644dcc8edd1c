"""Hyperparameters the peer drops, hides or dies of: names for a shell, collisions, 250 KB."""

from __future__ import annotations

import json

import pytest

from tests.conformance.cases import reported_argv, seen_environment
from tests.jobs import REPORTER, Job

# The files live as long as the program: it keeps a copy.
KEEPS_FILES = """
import shutil
for name in ("SM_HPS_FILE", "SM_USER_ARGS_FILE", "SM_TRAINING_ENV_FILE"):
    shutil.copy(os.environ[name], os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], name))
"""


def test_hp_names_dash_dot_aliases(job: Job) -> None:
    job.program(REPORTER).hyperparameters(**{"learning-rate": "0.1", "a.b": "2", "plain": "3"})
    assert job.run().returncode == 0
    seen = seen_environment(job)
    assert seen["SM_HP_LEARNING_RATE"] == "0.1"
    assert seen["SM_HP_A_B"] == "2"
    own = {name for name in seen if name.startswith("SM_HP_")}
    assert own == {
        "SM_HP_LEARNING-RATE",
        "SM_HP_LEARNING_RATE",
        "SM_HP_A.B",
        "SM_HP_A_B",
        "SM_HP_PLAIN",
    }


def test_hp_names_dash_dot_alias_never_hides_a_name(job: Job) -> None:
    job.program(REPORTER).hyperparameters(**{"a-b": "1", "a_b": "2"})
    ended = job.run()
    seen = seen_environment(job)
    assert (seen["SM_HP_A-B"], seen["SM_HP_A_B"]) == ("1", "2")
    warnings = [line for line in ended.stderr.splitlines() if "WARNING" in line]
    assert [line for line in warnings if "SM_HP_A_B" in line], ended


@pytest.mark.parametrize(("first", "second"), [("lr", "LR"), ("a-b", "a.b")])
def test_hp_case_collision_is_warned_about(job: Job, first: str, second: str) -> None:
    job.program(REPORTER).hyperparameters(**{first: "0.1", second: "9"})
    ended = job.run()
    assert ended.returncode == 0
    warnings = [line for line in ended.stderr.splitlines() if "WARNING" in line]
    assert [line for line in warnings if first in line and second in line], ended


def test_no_collision_no_warning(job: Job) -> None:
    job.program(REPORTER).hyperparameters(**{"learning-rate": "0.1", "b": "9"})
    ended = job.run()
    assert ended.returncode == 0
    assert "SM_HP_" not in ended.stderr, ended


def test_hp_service_max_250k(job: Job) -> None:
    """The most the service lets through: 99 user hyperparameters of 2,500 characters."""
    given = {f"k{index:02}": "é" * 1250 + "x" * 1250 for index in range(99)}
    job.program(REPORTER + KEEPS_FILES).hyperparameters(**given)
    ended = job.run()
    assert ended.returncode == 0, ended
    argv = reported_argv(job)[1:]
    assert argv == [token for name, value in given.items() for token in (f"--{name}", value)]
    seen = job.seen()["env"]
    assert isinstance(seen, dict)
    assert seen["SM_HP_K98"] == given["k98"]
    assert not {"SM_HPS", "SM_USER_ARGS", "SM_TRAINING_ENV"} & set(seen)
    kept = job.base / "output/data"
    assert json.loads((kept / "SM_HPS_FILE").read_text()) == given
    assert json.loads((kept / "SM_USER_ARGS_FILE").read_text()) == argv
    document = json.loads((kept / "SM_TRAINING_ENV_FILE").read_text())
    assert document["hyperparameters"] == given
    assert document["current_host"] == "algo-1"


def test_hp_100k_needs_no_file(job: Job) -> None:
    job.program(REPORTER).hyperparameters(**{f"k{index:02}": "x" * 2500 for index in range(40)})
    assert job.run().returncode == 0
    seen = seen_environment(job)
    assert not [name for name in seen if name.startswith("SM_") and name.endswith("_FILE")]
    assert len(seen["SM_HPS"]) > 100_000


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param("a=b", "1", id="hp_key_equals"), pytest.param("v", "x\0y", id="hp_value_nul")],
)
def test_hyperparameter_no_process_can_carry(job: Job, name: str, value: str) -> None:
    job.program(REPORTER).hyperparameters(**{"fine": "1", name: value})
    ended = job.run()
    assert ended.returncode == 1, ended
    assert ended.failure is not None
    assert ended.failure.startswith("ConfigError: ")
    assert "hyperparameters.json" in ended.failure
    assert name in ended.failure.removeprefix("ConfigError: ")
    assert "Traceback" not in ended.stderr
