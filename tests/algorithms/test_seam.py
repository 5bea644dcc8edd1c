"""Entry points add algorithms, and never hide ours."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.algorithms.third_party import installed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs import Job


def cli(job: Job, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "container_toolkit", *argv],
        env=job.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_algorithm_of_another_distribution_trains(job: Job, tmp_path: Path) -> None:
    installed(job, tmp_path / "site").hyperparameters(rounds="5")
    ended = job.run()
    assert ended.returncode == 0, ended
    model = json.loads((job.base / "model/constant.json").read_text())
    assert model == {"rounds": 5, "types": {"train": "text/csv"}, "files": ["a.csv"]}
    assert "train-loss:0.5" in ended.stdout


def test_its_declaration_is_kept_to(job: Job, tmp_path: Path) -> None:
    installed(job, tmp_path / "site").hyperparameters(rounds="10", round="1")
    ended = job.run()
    assert ended.returncode == 1
    assert str(ended.failure).startswith(
        "UserError: Extraneous hyperparameter found: round (did you mean rounds?);"
        " Hyperparameter rounds: 10 is not in [1, 9]\n"
    )


def test_it_is_listed_and_shown(job: Job, tmp_path: Path) -> None:
    installed(job, tmp_path / "site")
    listed = cli(job, "algorithms")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["constant", "xgboost"]
    page = cli(job, "algorithms", "constant").stdout
    assert "Predicts a constant." in page
    assert "rounds  Integer, [1, 9]; default 3" in page
    assert "No effect: nothing reads it." in page
    names = json.loads(cli(job, "algorithms", "--json").stdout)
    assert names == {"algorithms": ["constant", "xgboost"]}


def test_our_own_names_can_not_be_taken(job: Job, tmp_path: Path) -> None:
    installed(job, tmp_path / "site", name="xgboost").hyperparameters(rounds="5")
    ended = job.run()
    assert ended.returncode == 1
    assert "Missing required hyperparameter: num_round" in str(ended.failure)


def test_a_distribution_that_can_not_be_imported_is_named(job: Job, tmp_path: Path) -> None:
    installed(job, tmp_path / "site")
    (tmp_path / "site/constant_algorithm.py").write_text("import a_library_that_is_not_there\n")
    ended = job.run()
    assert ended.returncode == 1
    assert str(ended.failure).startswith("UserError: the module a_library_that_is_not_there is not")


def test_a_name_that_nobody_has_is_told_with_those_there_are(job: Job, tmp_path: Path) -> None:
    installed(job, tmp_path / "site").env(CONTAINER_TOOLKIT_ALGORITHM="xgbost")
    ended = job.run()
    assert ended.returncode == 1
    assert "is 'xgbost'; known are constant, xgboost." in str(ended.failure)
