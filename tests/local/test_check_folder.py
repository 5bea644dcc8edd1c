"""`container-toolkit check FOLDER`, as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container_toolkit.local import folder_check
from tests.jobs import HANG, Job

if TYPE_CHECKING:
    from pathlib import Path


def check(job: Job, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "container_toolkit", "check", *argv],
        env=job.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG,
    )


def problems(job: Job) -> list[str]:
    done = check(job, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["problems"] else 0)
    assert "Traceback" not in done.stderr
    found: list[str] = report["problems"]
    return found


def test_a_sound_folder_tells_what_would_run(job: Job) -> None:
    job.program("print(1)").channel("train", a="1").hyperparameters(depth="3")
    done = check(job)
    assert done.returncode == 0, done
    assert "train.py" in done.stdout
    assert "channel train: 1 file" in done.stdout
    assert str(job.base) in done.stdout
    assert "SM_CHANNELS" not in done.stdout
    assert done.stdout.splitlines()[-1].endswith("nothing wrong")


def test_the_folder_may_be_named(job: Job) -> None:
    job.program("print(1)")
    del job.environ["SAGEMAKER_BASE_DIR"]
    assert check(job, str(job.base)).returncode == 0


def test_nothing_is_changed(job: Job) -> None:
    job.program("print(1)").hyperparameters(depth="3")
    before = sorted(job.base.rglob("*"))
    assert check(job).returncode == 0
    assert sorted(job.base.rglob("*")) == before


def test_every_problem_at_once(job: Job) -> None:
    job.config("hyperparameters", {"a=b": 1, "ok": "1", "sagemaker_program": "nowhere.py"})
    job.config(
        "inputdataconfig",
        {
            "train": {"TrainingInputMode": "Fil"},
            "gone": {},
            "x": 3,
            "p": {"TrainingInputMode": "Pipe"},
        },
    )
    job.config("resourceconfig", {"current_host": 3, "hosts": [], "instance_groups": [{}]})
    found = problems(job)
    for file, key in (
        ("hyperparameters.json", "a=b"),
        ("inputdataconfig.json", "TrainingInputMode"),
        ("inputdataconfig.json", "gone"),
        ("inputdataconfig.json", "'x'"),
        ("resourceconfig.json", "current_host"),
        ("resourceconfig.json", "hosts"),
        ("resourceconfig.json", "instance_group_name"),
        ("sagemaker_program", "nowhere.py"),
    ):
        assert [text for text in found if file in text and key in text], (file, key, found)
    assert len(found) == 8
    assert all("\n" not in text for text in found)


@pytest.mark.parametrize("name", ["hyperparameters", "inputdataconfig", "resourceconfig"])
@pytest.mark.parametrize("text", ["{", "[1]", "", '{"a": 1', "\ufffe"])
def test_a_broken_document_is_named(job: Job, name: str, text: str) -> None:
    found = problems(job.program("print(1)").config(name, text))
    assert len(found) == 1
    assert f"{name}.json" in found[0]


def test_hosts_that_do_not_fit_together(job: Job) -> None:
    job.program("print(1)").config("resourceconfig", {"current_host": "c", "hosts": ["a", "b"]})
    (problem,) = problems(job)
    assert "resourceconfig.json" in problem
    assert "'c'" in problem


def test_the_old_spelling_is_looked_at_too(job: Job) -> None:
    (problem,) = problems(job.program("print(1)").config("resourceConfig", {"hosts": 3}))
    assert "resourceConfig.json" in problem


def test_nothing_to_run(job: Job) -> None:
    (problem,) = problems(job)
    assert problem.startswith("nothing to run")


def test_a_file_in_the_place_of_a_folder(job: Job) -> None:
    (job.program("print(1)").base / "model").rmdir()
    (job.base / "model").write_text("")
    (problem,) = problems(job)
    assert str(job.base / "model") in problem


def test_a_folder_that_cannot_be_written() -> None:
    """Looked at as a plain user: root may write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        layout = folder_check.Layout(root=name)
        os.mkdir(layout.model)
        os.chmod(layout.model, 0o555)
        os.mkdir(layout.output)
        for folder in (name, layout.output):
            os.chmod(folder, 0o777)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writer, json.dumps(folder_check.unwritable(layout)).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(writer)
        with open(reader) as told:
            found: list[str] = json.load(told)
    assert len(found) == 1
    assert layout.model in found[0]


def test_a_folder_that_is_not_there(job: Job, tmp_path: Path) -> None:
    done = check(job, str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert f"{tmp_path / 'nowhere'} is not a folder" in done.stdout


@pytest.mark.parametrize("argv", [["--engine", "lxc"], ["--nonsense"], ["a", "b"]])
def test_a_command_line_that_makes_no_sense(job: Job, argv: list[str]) -> None:
    done = check(job, *argv)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("container-toolkit: ")
    assert done.stderr.count("\n") == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["current_host", "hosts", "instance_groups", "topology", "current_group_name", "x"]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hyperparameters=st.dictionaries(st.text(), JSON, max_size=4),
    channels=st.dictionaries(st.text(), JSON, max_size=4),
    cluster=st.dictionaries(KEYS, JSON, max_size=4),
)
def test_no_document_is_too_odd(
    tmp_path: Path, hyperparameters: object, channels: object, cluster: object
) -> None:
    """Whatever the documents hold, what is said of them is sentences."""
    job = Job(tmp_path)
    job.config("hyperparameters", hyperparameters)
    job.config("inputdataconfig", channels)
    job.config("resourceconfig", cluster)
    layout = folder_check.Layout(root=str(tmp_path))
    found: list[str] = []
    for name, examine in folder_check.examiners(layout).items():
        document = json.loads((tmp_path / "input/config" / name).read_text())
        sound = examine(document, name, found)
        assert sound.keys() <= document.keys()
    assert all(isinstance(text, str) and text for text in found)
