"""The watch inside a container's memory limit, where the whole group is the container's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.training import hungry
from tests.training.hungry import MIB

ENGINE = shutil.which("podman")
ROOT = Path(__file__).resolve().parents[2]
IMAGE = "docker.io/library/python:3.11-slim"

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(ENGINE is None, reason="no podman on PATH to run a container with"),
]


def watched(
    cap: int, margin: int, code: str, *options: str, memory: str = "512m"
) -> dict[str, Any]:
    """What a watch in a container of `memory` saw of the program `code`; the container lived."""
    assert ENGINE is not None
    engine = [ENGINE, "run", "--rm", "--memory", memory, "--memory-swap", memory]
    mount = ["-v", f"{ROOT}:/toolkit:ro", "-e", "PYTHONPATH=/toolkit"]
    driver = ["python", "-B", "/toolkit/tests/training/watched.py", str(cap), str(margin), "/"]
    argv = [*engine, *mount, *options, IMAGE, *driver, code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert not found["hung"]
    return {**found, "stderr": done.stderr}


def test_a_grower_is_stopped_soon_after_the_cap() -> None:
    seen = watched(256 * MIB, 1792 * MIB, hungry.GROWS, memory="2g")
    assert seen["measure"] == "container group"
    assert (seen["exceeded"], seen["sent"], seen["code"]) == (True, ["SIGTERM"], -15)
    assert 256 * MIB < seen["peak"] < 1200 * MIB  # how close: benchmarks/memory.py
    assert "largest process `python -c`" in seen["story"]


@pytest.mark.parametrize("memory", [1024, 4096])
def test_a_hog_on_all_cores_is_stopped_by_us_and_not_by_the_kernel(memory: int) -> None:
    margin = min(256, memory // 20) * MIB
    cap = memory * MIB - margin
    seen = watched(cap, margin, hungry.HOGS, memory=f"{memory}m")
    assert seen["exceeded"]
    assert seen["kernel_kills"] == 0, seen
    assert seen["peak"] < memory * MIB


def test_a_program_that_ignores_sigterm_is_killed_before_the_kernel_would() -> None:
    seen = watched(256 * MIB, 1792 * MIB, hungry.GROWS_AND_IGNORES_SIGTERM, memory="2g")
    assert seen["sent"][:2] == ["SIGTERM", "SIGKILL"]
    assert (seen["code"], seen["kernel_kills"]) == (-9, 0)


def test_reading_files_does_not_count() -> None:
    code = hungry.reads("/tmp/big", 1500 * MIB)
    seen = watched(243 * MIB, 13 * MIB, code, memory="256m")
    assert (seen["exceeded"], seen["code"], seen["kernel_kills"]) == (False, 0, 0), seen
    assert seen["peak"] < 128 * MIB


def test_memory_shared_by_processes_counts_once() -> None:
    seen = watched(450 * MIB, 62 * MIB, hungry.shares(300 * MIB))
    assert (seen["exceeded"], seen["code"]) == (False, 0), seen
    assert 300 * MIB <= seen["peak"] < 450 * MIB


def test_files_in_dev_shm_count() -> None:
    code = hungry.fills_shared_memory("big")
    seen = watched(256 * MIB, 256 * MIB, code, "--shm-size", "400m")
    assert (seen["exceeded"], seen["code"]) == (True, -15), seen
    assert "in /dev/shm" in seen["story"]


@pytest.mark.slow
def test_many_small_files_do_not_count() -> None:
    code = (
        "import os\nos.mkdir('/tmp/many')\n"
        "for n in range(150_000): os.close(os.open(f'/tmp/many/{n:064}', os.O_CREAT))\n"
        "for n in range(150_000): os.stat(f'/tmp/many/{n:064}')\n"
    )
    seen = watched(115 * MIB, 13 * MIB, code, memory="128m")
    assert (seen["exceeded"], seen["code"], seen["kernel_kills"]) == (False, 0, 0), seen


def test_the_kernels_kill_is_counted_without_a_cap_and_we_live() -> None:
    seen = watched(0, 0, hungry.GROWS, memory="200m")
    assert (seen["exceeded"], seen["code"], seen["sent"]) == (False, -9, [])
    assert seen["kernel_kills"] >= 1
    assert seen["kernel_kills_after_close"] == seen["kernel_kills"]


def test_a_kill_that_was_not_for_memory_is_not_counted() -> None:
    seen = watched(0, 0, "import os; os.kill(os.getpid(), 9)")
    assert (seen["code"], seen["kernel_kills"]) == (-9, 0)


def test_with_writable_groups_the_program_has_its_own() -> None:
    seen = watched(256 * MIB, 1792 * MIB, hungry.GROWS, "--privileged", memory="2g")
    assert seen["exceeded"]
    assert seen["measure"] in ("child group", "container group")
    assert 256 * MIB < seen["peak"] < 1200 * MIB
