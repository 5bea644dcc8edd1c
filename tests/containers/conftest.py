from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.containers.engines import ROOT, Engine, answering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUIRED = "CONTAINER_TOOLKIT_REQUIRE_ENGINE"
BASE_IMAGE = os.environ.get("CONTAINER_TOOLKIT_TEST_IMAGE", "python:3.11-slim")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs an engine."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "containers"):
            item.add_marker(pytest.mark.container)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "tests/containers/" in report.nodeid
    ]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} container tests NOT RUN: no engine; {REQUIRED}=1 makes that a failure"
        )


def unavailable(why: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but {why}")
    pytest.skip(why)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    names = answering()
    if not names:
        unavailable("no container engine answers: start docker, or install podman")
    engine = Engine(names[0], tmp_path_factory.mktemp("engine"))
    if engine.call("image", "inspect", BASE_IMAGE).status != 0:
        pulled = engine.call("pull", BASE_IMAGE, timeout=600)
        if pulled.status != 0:
            unavailable(f"{names[0]} has no image {BASE_IMAGE} and can't pull it")
    yield engine
    engine.clean()


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """The image of Dockerfile.base."""
    file = str(ROOT / "Dockerfile.base")
    return engine.build("base", ROOT, "-f", file, "--build-arg", f"BASE_IMAGE={BASE_IMAGE}")


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    """A folder to mount at /opt/ml, which any user may write to."""
    folder = tmp_path / "ml"
    for name in ("code", "input/config", "input/data", "model", "output"):
        (folder / name).mkdir(parents=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
    return folder


@pytest.fixture(scope="session")
def sklearn(engine: Engine, base: str) -> str:
    """The image of images/sklearn."""
    return engine.build("sklearn", ROOT / "images/sklearn", "--build-arg", f"BASE={base}")


@pytest.fixture(scope="session")
def xgboost(engine: Engine, base: str) -> str:
    """The image of images/xgboost."""
    return engine.build("xgboost", ROOT / "images/xgboost", "--build-arg", f"BASE={base}")


def framework(engine: Engine, base: str, name: str) -> str:
    """The image of images/NAME, its layers the other way round: the framework, which takes minutes
    to install, is kept from one run to the next, and the toolkit comes on top."""
    kept = engine.keep(name, ROOT / "images" / name, "--build-arg", f"BASE={BASE_IMAGE}")
    wheel = "/usr/share/container-toolkit"
    return engine.build_from(
        name,
        f"FROM {kept}\nCOPY --from={base} {wheel} {wheel}\n"
        f"RUN python3 -m pip install --no-cache-dir --no-index --no-deps {wheel}/*.whl\n",
    )


@pytest.fixture(scope="session")
def pytorch(engine: Engine, base: str) -> str:
    return framework(engine, base, "pytorch")


@pytest.fixture(scope="session")
def tensorflow(engine: Engine, base: str) -> str:
    return framework(engine, base, "tensorflow")


@pytest.fixture(scope="session")
def mxnet(engine: Engine, base: str) -> str:
    return framework(engine, base, "mxnet")


@pytest.fixture(scope="session")
def mpi(engine: Engine, base: str) -> str:
    return framework(engine, base, "mpi")
