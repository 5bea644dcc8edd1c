"""What is started: scripts, shell scripts, executables, and names that are none of these."""

from __future__ import annotations

import json

import pytest

from tests.conformance.cases import (
    SHELL_REPORTER,
    Match,
    check,
    parametrised,
    reported_argv,
    reported_folder,
)
from tests.jobs import REPORTER, Job

QUOTED = {"a-b": '"x y"', "q": '"it\'s $HOME"'}
QUOTED_ARGV = ("--a-b", "x y", "-q", "it's $HOME")
SETUP = "from setuptools import setup\nsetup(name='toolkit_probe', py_modules=['toolkit_probe'])\n"

MATCH = (
    Match(
        id="ep_py",
        argv=(),
        argv0="train.py",
        sees={
            "SM_MODULE_NAME": "train",
            "SM_USER_ENTRY_POINT": "train.py",
            "SM_MODULE_DIR": "<base>/code",
        },
    ),
    Match(
        id="ep_py_subdir",
        program="src/deep/train.py",
        files={"src/deep/train.py": REPORTER},
        argv0="src/deep/train.py",
        sees={
            "SM_MODULE_NAME": "src/deep/train",
            "SM_USER_ENTRY_POINT": "src/deep/train.py",
            "SM_MODULE_DIR": "<base>/code",
        },
    ),
    Match(
        id="ep_raw_unquoted_program",
        program=None,
        hyperparameters={"sagemaker_program": "train.py"},
        argv0="train.py",
        sees={"SM_MODULE_NAME": "train", "SM_USER_ENTRY_POINT": "train.py"},
    ),
    Match(
        id="ep_env_overrides_hp",
        env={"SAGEMAKER_PROGRAM": "other.py"},
        files={"other.py": REPORTER, "train.py": "raise SystemExit(9)"},
        argv0="other.py",
        sees={"SM_MODULE_NAME": "other", "SM_USER_ENTRY_POINT": "other.py"},
    ),
    Match(
        id="ep_sh",
        program="train.sh",
        files={"train.sh": SHELL_REPORTER},
        hyperparameters=QUOTED,
        argv=QUOTED_ARGV,
        argv0="./train.sh",
    ),
    Match(
        id="ep_sh-subdir",
        program="src/train.sh",
        files={"src/train.sh": SHELL_REPORTER},
        hyperparameters=QUOTED,
        argv=QUOTED_ARGV,
        argv0="./src/train.sh",
    ),
    Match(
        id="ep_noext_command",
        program="train",
        files={"train": SHELL_REPORTER},
        hyperparameters=QUOTED,
        argv=QUOTED_ARGV,
        argv0="./train",
    ),
    Match(
        id="ep_sh_with_setup_py",
        program="train.sh",
        files={"train.sh": SHELL_REPORTER, "setup.py": SETUP, "toolkit_probe.py": ""},
        hyperparameters=QUOTED,
        argv=QUOTED_ARGV,
        argv0="./train.sh",
    ),
    Match(id="ep_traversal", program="../train.py", returncode=1),
    Match(id="ep_dash", program="-c", returncode=1),
    Match(
        id="req_bad_py",
        files={"train.py": REPORTER, "requirements.txt": "invalid/module\n"},
        returncode=1,
        failure="InstallRequirementsError:",
    ),
)


@parametrised(MATCH)
def test_match(case: Match, job: Job) -> None:
    check(case, job)
    if case.returncode:
        assert not (job.base / "output/seen.json").exists()
    else:
        assert reported_folder(job) == "<base>/code"


def test_ep_sh_with_setup_py_is_not_installed(job: Job) -> None:
    job.code("setup.py", SETUP)
    job.code("toolkit_probe.py", "")
    ended = job.program('cd / && python3 -c "import toolkit_probe"\n', "train.sh").run()
    assert ended.returncode == 1
    assert "No module named 'toolkit_probe'" in ended.stderr


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param("trian.py", id="ep_missing_file"),
        pytest.param("trian.sh", id="ep_missing_sh"),
        pytest.param(None, id="ep_missing_program"),
    ],
)
def test_missing_program_names_it_and_the_candidates(job: Job, missing: str | None) -> None:
    job.code("train.py", REPORTER)
    job.code("train.sh", SHELL_REPORTER)
    job.hyperparameters(**({} if missing is None else {"sagemaker_program": json.dumps(missing)}))
    ended = job.run()
    assert ended.returncode == 1, ended
    assert (ended.failure or "").startswith("CodeError: "), ended
    for name in ("train.py", "train.sh", *([missing] if missing else [])):
        assert name in (ended.failure or ""), ended
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("./train.py", id="ep_dot_slash"),
        pytest.param("my train.py", id="ep_space"),
        pytest.param("my train.sh", id="ep_space-sh"),
    ],
)
def test_names_the_peer_refuses(job: Job, name: str) -> None:
    job.code(name, SHELL_REPORTER if name.endswith(".sh") else REPORTER)
    job.hyperparameters(sagemaker_program=json.dumps(name), lr="0.1")
    ended = job.run()
    assert ended.returncode == 0, ended
    assert reported_argv(job)[1:] == ["--lr", "0.1"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../train.py", id="ep_traversal"),
        pytest.param("../train.sh", id="ep_traversal-sh"),
        pytest.param("a/../../train.py", id="ep_traversal-inner"),
    ],
)
def test_program_outside_the_code_folder_never_runs(job: Job, name: str) -> None:
    job.code("a/keep", "")
    (job.base / "train.py").write_text(REPORTER)
    (job.base / "train.sh").write_text(SHELL_REPORTER)
    job.hyperparameters(sagemaker_program=json.dumps(name))
    ended = job.run()
    assert ended.returncode == 1, ended
    assert name in (ended.failure or "")
    assert not (job.base / "output/seen.json").exists()
    assert not (job.base / "output/argv").exists()


def test_req_bad_sh(job: Job) -> None:
    job.program(SHELL_REPORTER, "train.sh").code("requirements.txt", "invalid/module\n")
    ended = job.run()
    assert ended.returncode == 1, ended
    assert (ended.failure or "").startswith("InstallRequirementsError:"), ended
    assert not (job.base / "output/argv").exists()
