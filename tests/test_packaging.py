"""What is shipped: a wheel that any Python 3.10 or newer can install, with nothing besides."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILD = 600  # seconds after which a build counts as hung


def run(*argv: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SAGEMAKER", "SM_"))}
    return subprocess.run(
        [str(word) for word in argv],
        env={**keep, **environ},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel pip makes of a copy of this checkout: a build leaves files in its sources."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "container_toolkit",
        folder / "container_toolkit",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    done = run(
        sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder / "wheel", folder
    )
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "wheel").iterdir()
    return path


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    done = run(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", built
    )
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def test_the_wheel_holds_the_package_whole_and_nothing_else(built: Path) -> None:
    assert built.name.endswith("-py3-none-any.whl")
    package = ROOT / "container_toolkit"
    wanted = {
        str(path.relative_to(ROOT))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert "container_toolkit/py.typed" in names


def test_it_needs_nothing(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    needs = metadata.get_all("Requires-Dist") or []
    assert [need for need in needs if "extra ==" not in need] == []
    assert metadata["Requires-Python"] == ">=3.10"
    assert {"s3", "fast", "sklearn", "all", "dev"} <= set(metadata.get_all("Provides-Extra"))


def test_its_commands(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        points = configparser.ConfigParser()
        points.read_string(archive.read(name).decode())
    assert dict(points["console_scripts"]) == {
        "train": "container_toolkit.training.train:main",
        "container-toolkit": "container_toolkit.cli:main",
    }


@pytest.mark.parametrize("command", ["train", "container-toolkit"])
def test_an_installed_command_tells_its_version(installed: Path, command: str) -> None:
    done = run(installed / command, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "container-toolkit"


def test_the_installed_train_trains(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/fit.sh").write_text('echo 42 >"$SM_MODEL_DIR/answer"\n')
    done = run(installed / "train", SAGEMAKER_BASE_DIR=str(tmp_path), SAGEMAKER_PROGRAM="fit.sh")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model/model.tar.gz").exists()


def test_the_installed_init_makes_a_project(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "container-toolkit", "init", "wine", "--dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "wine/test.sh").exists()
    assert list((tmp_path / "wine/toolkit").glob("*.whl"))
