"""`container-toolkit init`, without an engine; with one it is in tests/containers."""

from __future__ import annotations

import csv
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from container_toolkit.errors import UsageError
from container_toolkit.local import project, wheel
from tests.jobs import Job

SCAFFOLD = {
    "Dockerfile",
    "README.md",
    "data/training/wine.csv",
    "fit.py",
    "test.sh",
}


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_what_is_made(tmp_path: Path) -> None:
    folder = project.create("my-model.v2", tmp_path)
    assert folder == tmp_path / "my-model.v2"
    (packed,) = (folder / "toolkit").iterdir()
    assert files(folder) == SCAFFOLD | {f"toolkit/{packed.name}"}
    assert (folder / "test.sh").stat().st_mode & 0o111 == 0o111
    for path in ("README.md", "test.sh"):
        text = (folder / path).read_text()
        assert "my-model.v2" in text
        assert "@NAME@" not in text
    assert list(tmp_path.iterdir()) == [folder], "nothing is left beside it"


def test_its_program_trains_on_its_data(tmp_path: Path, job: Job) -> None:
    """As its README says: without a container."""
    folder = project.create("wine", tmp_path)
    (job.base / "input/data").rmdir()
    (job.base / "input/data").symlink_to(folder / "data")
    ended = job.env(SAGEMAKER_PROGRAM=str(folder / "fit.py")).run()
    assert ended.returncode == 0, ended
    (accuracy,) = (line for line in ended.stdout.splitlines() if line.startswith("accuracy="))
    assert float(accuracy.partition("=")[2].rstrip(";")) > 0.9
    with tarfile.open(job.base / "model/model.tar.gz") as archive:
        assert archive.getnames() == ["model.json"]


@pytest.mark.parametrize(
    "name", ["", "Wine", "my model", "../x", "a/b", "-x", "x-", "a..b", "é", "x\n", "x" * 129]
)
def test_a_name_no_image_may_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="can't be the name"):
        project.create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    there = tmp_path / "wine"
    if kind == "folder":
        there.mkdir()
    elif kind == "file":
        there.write_text("mine")
    else:
        there.symlink_to("nowhere")
    with pytest.raises(UsageError, match="there already"):
        project.create("wine", tmp_path)
    assert list(tmp_path.iterdir()) == [there]


def test_a_parent_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        project.create("wine", tmp_path / "nowhere")


def test_the_command(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "container_toolkit", "init", "wine", "--dir", str(tmp_path)]
    first = subprocess.run(argv, capture_output=True, text=True)
    assert first.returncode == 0, first
    assert str(tmp_path / "wine") in first.stdout
    again = subprocess.run(argv, capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.count("\n") == 1


def test_the_wheel_is_the_running_toolkit(tmp_path: Path) -> None:
    path = wheel.write(tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        record = next(name for name in names if name.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(archive.read(record).decode().splitlines()))
        assert [row[0] for row in rows] == names
        for name, digest, size in rows[:-1]:
            data = archive.read(name)
            assert (digest, int(size)) == (wheel.digest(data), len(data))
    package = Path(project.__file__).parent.parent
    own = {f"container_toolkit/{name}" for name in files(package) if "__pycache__" not in name}
    assert own == {name for name in names if name.startswith("container_toolkit/")}


def test_the_same_sources_make_the_same_wheel(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert wheel.write(tmp_path / "a").read_bytes() == wheel.write(tmp_path / "b").read_bytes()
