"""The memory cap inside a container's limit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engines import Done, Engine

GROWS_ON_ALL_CORES = """
import mmap, os
for _ in range(max(2, os.cpu_count()) - 1):
    if os.fork() == 0:
        break
held = []
while True:
    block = mmap.mmap(-1, 8 << 20)
    block.write(b"x" * (8 << 20))
    held.append(block)
"""

GROWS_WITH_NUMPY = """
import os
import numpy
for _ in range(max(2, os.cpu_count()) - 1):
    if os.fork() == 0:
        break
held = []
while True:
    held.append(numpy.ones(1 << 20))
"""

# 300 MB seen by eight processes at once: 2.4 GB by their resident sizes, 300 MB in truth.
SHARES = """
import mmap, os, time
size = 300 << 20
shared = mmap.mmap(-1, size)
for start in range(0, size, 1 << 20):
    shared[start:start + (1 << 20)] = b"x" * (1 << 20)
children = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        seen = sum(shared[page] for page in range(0, size, 4096))
        time.sleep(2)
        os._exit(seen != size // 4096 * ord("x"))
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
print("codes", codes, flush=True)
raise SystemExit(any(codes))
"""

FILLS_SHARED_MEMORY = """
with open("/dev/shm/hoard", "wb") as out:
    while True:
        out.write(b"x" * (1 << 20))
"""

READS = """
import glob, os
total = 0
with open("/opt/ml/input/data/training/big", "rb", buffering=0) as source:
    buffer = bytearray(4 << 20)
    while count := source.readinto(buffer):
        total += count
print("read", total, flush=True)
cached = 0
for folder, key in (("/sys/fs/cgroup/memory", "cache"), ("/sys/fs/cgroup", "file")):
    if os.path.exists(f"{folder}/memory.stat"):
        stat = dict(line.split() for line in open(f"{folder}/memory.stat"))
        cached = max(cached, int(stat.get(key, 0)))
print("cached", cached, flush=True)
"""


def limited(memory: str, ml: Path, *more: str) -> tuple[str, ...]:
    return ("--memory", memory, "--memory-swap", memory, "-v", f"{ml}:/opt/ml", *more)


def run(engine: Engine, image: str, text: str, options: tuple[str, ...]) -> Done:
    return engine.run(image, "train", "--", "python3", "-c", text, options=options)


def assert_over_the_cap(done: Done, ml: Path) -> str:
    """`train` lived to tell: its own words are in the file and on stderr."""
    assert done.status == 137, done
    failure = (ml / "output/failure").read_text()
    assert "memory cap" in failure.lower()
    assert len(failure) <= 1024
    assert failure.splitlines()[0][:60] in done.stderr
    assert not (ml / "output/success").exists()
    return failure


def test_growth_on_all_cores_is_stopped_by_us(engine: Engine, base: str, ml: Path) -> None:
    done = run(engine, base, GROWS_ON_ALL_CORES, limited("512m", ml))
    failure = assert_over_the_cap(done, ml)
    assert "python3" in failure  # the largest process
    assert "MiB" in failure or "MB" in failure


def test_a_cap_of_ones_own(engine: Engine, base: str, ml: Path) -> None:
    options = limited("1g", ml, "-e", "CONTAINER_TOOLKIT_MEMORY_CAP=200M")
    done = run(engine, base, GROWS_ON_ALL_CORES, options)
    assert_over_the_cap(done, ml)


def test_shared_pages_count_once(engine: Engine, base: str, ml: Path) -> None:
    options = limited("1g", ml, "-e", "CONTAINER_TOOLKIT_MEMORY_CAP=500M")
    done = run(engine, base, SHARES, options)
    assert done.status == 0, done
    assert "codes [0, 0, 0, 0, 0, 0, 0, 0]" in done.stdout


def test_shared_memory_files_count(engine: Engine, base: str, ml: Path) -> None:
    options = limited("1g", ml, "--shm-size", "900m", "-e", "CONTAINER_TOOLKIT_MEMORY_CAP=300M")
    done = run(engine, base, FILLS_SHARED_MEMORY, options)
    assert_over_the_cap(done, ml)


def test_the_kernels_own_kill_is_named(engine: Engine, base: str, ml: Path) -> None:
    options = limited("300m", ml, "-e", "CONTAINER_TOOLKIT_MEMORY_CAP=off")
    text = "held = []\nwhile True:\n    held.append(b'x' * (4 << 20))\n"
    done = run(engine, base, text, options)
    assert done.status == 137, done
    failure = (ml / "output/failure").read_text()
    assert "kernel" in failure.lower()
    assert "memory" in failure.lower()


def test_a_kill_that_is_not_for_memory_is_not_called_one(
    engine: Engine, base: str, ml: Path
) -> None:
    options = limited("300m", ml)
    done = run(engine, base, "import os; os.kill(os.getpid(), 9)", options)
    assert done.status == 137, done
    assert "out of memory" not in (ml / "output/failure").read_text().lower()
    assert "memory cap" not in (ml / "output/failure").read_text().lower()


@pytest.mark.slow
def test_reading_5_gb_under_1_gb_does_not_trip_it(engine: Engine, base: str, ml: Path) -> None:
    """Page cache is the kernel's to give back. Holes of a file fill it as data does."""
    folder = ml / "input/data/training"
    folder.mkdir()
    with open(folder / "big", "wb") as big:
        os.truncate(big.fileno(), 5 << 30)
    done = run(engine, base, READS, limited("1g", ml))
    assert done.status == 0, done
    lines = dict(line.split() for line in done.stdout.splitlines() if line.startswith(("r", "c")))
    assert int(lines["read"]) == 5 << 30
    assert int(lines["cached"]) > 500 << 20, "the cache was not filled, so nothing was shown"


@pytest.mark.slow
def test_numpy_on_all_cores_is_stopped_by_us(engine: Engine, sklearn: str, ml: Path) -> None:
    done = run(engine, sklearn, GROWS_WITH_NUMPY, limited("1g", ml))
    assert_over_the_cap(done, ml)
