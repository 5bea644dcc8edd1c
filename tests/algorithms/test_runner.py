"""How `python -m container_toolkit.algorithms` ends, and what `train` makes of it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.algorithms.third_party import installed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs import Ended, Job


def ended_by(job: Job, folder: Path, how: str) -> Ended:
    return installed(job, folder / "site").hyperparameters(ends=how).run()


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        ("data", 1, "UserError: channel 'train', a.csv, row 3, column 2: 'x' is no number."),
        ("platform", 3, "PlatformError: host algo-2 is lost."),
        ("algorithm", 2, "AlgorithmError: the tree has no root."),
        ("bug", 2, "AlgorithmError: KeyError: 'missing key'"),
        (
            "memory",
            3,
            "PlatformError: out of memory; give the job more, or less data"
            " (Unable to allocate 9 TiB)",
        ),
        (
            "library",
            1,
            "UserError: the module a_library_that_is_not_there is not installed; what the"
            " algorithms need comes with `pip install container-toolkit[algorithms]`",
        ),
        (
            "ours",
            2,
            "AlgorithmError: ModuleNotFoundError: No module named"
            " 'container_toolkit.no_such_module'",
        ),
        ("lines", 1, "UserError: first line second line"),
    ],
)
def test_an_error_is_the_last_line_the_exit_code_and_the_failure(
    job: Job, tmp_path: Path, how: str, code: int, line: str
) -> None:
    ended = ended_by(job, tmp_path, how)
    assert ended.returncode == code
    said = [text for text in ended.stderr.splitlines() if not text.startswith("train: ")]
    assert said[-1] == line
    assert str(ended.failure).splitlines()[0] == line
    assert len(str(ended.failure)) <= 1024
    assert str(ended.failure).count(line) == 1
    assert str(ended.failure).splitlines()[1].startswith(f"exit code {code} of: ")


@pytest.mark.parametrize(("how", "told"), [("data", False), ("algorithm", False), ("bug", True)])
def test_only_a_bug_has_a_traceback(job: Job, tmp_path: Path, how: str, told: bool) -> None:
    ended = ended_by(job, tmp_path, how)
    assert ("Traceback" in ended.stderr) is told


def test_a_bug_s_place_is_in_the_failure(job: Job, tmp_path: Path) -> None:
    assert "constant_algorithm.py" in str(ended_by(job, tmp_path, "bug").failure)


def test_what_has_no_effect_is_told_and_trains(job: Job, tmp_path: Path) -> None:
    ended = installed(job, tmp_path / "site").hyperparameters(old="1").run()
    assert ended.returncode == 0
    assert "WARNING: hyperparameter old has no effect: nothing reads it\n" in ended.stderr


def test_a_wrong_value_ends_the_job_before_the_library_is_needed(job: Job) -> None:
    job.env(CONTAINER_TOOLKIT_ALGORITHM="xgboost").channel("train", **{"a.csv": "1,2\n"})
    ended = job.hyperparameters(num_round="10", eta="1.5").run()
    assert ended.returncode == 1
    assert "\nUserError: Hyperparameter eta: 1.5 is not in [0, 1]\n" in ended.stderr
    assert str(ended.failure).startswith("UserError: Hyperparameter eta: 1.5 is not in [0, 1]\n")
    assert "Traceback" not in str(ended.failure) + ended.stderr


def test_many_problems_still_fit(job: Job) -> None:
    job.env(CONTAINER_TOOLKIT_ALGORITHM="xgboost").channel("train", **{"a.csv": "1,2\n"})
    job.hyperparameters(num_round="0", **{f"name-{number}": "x" for number in range(100)})
    failure = str(job.run().failure)
    assert failure.startswith("UserError: Extraneous hyperparameter found: name-0; Extraneous")
    assert "exit code 1 of: " in failure
    assert len(failure) <= 1024


def test_a_document_that_can_not_be_read_is_a_user_error(job: Job) -> None:
    job.config("hyperparameters", "{")
    done = subprocess.run(
        [sys.executable, "-m", "container_toolkit.algorithms", "xgboost"],
        env=job.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("UserError: ")
    assert "hyperparameters.json" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["--help"], ["xgboost", "more"]], ids=str)
def test_a_wrong_command_line_says_how(job: Job, argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "container_toolkit.algorithms", *argv],
        env=job.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("usage: ")


def test_a_program_of_the_user_s_own_may_print_such_a_line_and_is_not_taken_for_an_algorithm(
    job: Job,
) -> None:
    job.program("import sys\nprint('UserError: no', file=sys.stderr)\nraise ValueError('boom')\n")
    assert str(job.run().failure).startswith("ValueError: boom (train.py, line 3)")
