"""Arrays on disk: the same bits back, no file left behind, and a full disk said plainly."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from container_toolkit.algorithms import spool
from container_toolkit.algorithms.spool import Spool
from container_toolkit.errors import PlatformError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(4, 3),
        np.array([np.nan, -0.0, np.inf], np.float32),
        np.arange(7, dtype=np.int64),
        np.arange(20, dtype=np.int32).reshape(4, 5)[:, ::2],
        np.empty((0, 4), np.float32),
    ],
    ids=["matrix", "nan", "int64", "strided", "empty"],
)
def test_what_comes_back_is_what_went_in(tmp_path: Path, array: np.ndarray) -> None:
    held = Spool(str(tmp_path))
    held.put(np.ones(3, np.uint8))  # so that the next one begins at an odd place
    stored = held.put(array)
    held.put(np.zeros(100, np.uint8))
    found = held.get(stored, np.full(stored.size + 50, 7, np.uint8))
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_reading_goes_into_the_callers_buffer(tmp_path: Path) -> None:
    held = Spool(str(tmp_path))
    first, second = (held.put(np.full(4, value, np.float32)) for value in (1, 2))
    buffer = np.empty(first.size, np.uint8)
    one = held.get(first, buffer)
    held.get(second, buffer)
    assert np.shares_memory(one, buffer)
    assert one.tolist() == [2, 2, 2, 2]


def test_there_is_no_file_by_name(tmp_path: Path) -> None:
    held = Spool(str(tmp_path))
    held.put(np.arange(1000))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"gone.*TMPDIR"):
        Spool(str(tmp_path / "gone"))


def test_a_full_disk_is_said_with_the_folder_and_the_size(tmp_path: Path) -> None:
    # A limit on the size of files stands in for a disk that is full: the same call fails.
    program = f"""
import resource, signal
import numpy as np
from container_toolkit.algorithms.spool import Spool
from container_toolkit.errors import PlatformError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
held = Spool({str(tmp_path)!r})
held.put(np.zeros(1 << 19, np.uint8))
try:
    held.put(np.zeros(1 << 20, np.uint8))
except PlatformError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert str(tmp_path) in done.stdout
    assert "1.5 MiB" in done.stdout or "2 MiB" in done.stdout


def test_a_file_that_was_cut_short_is_no_data(tmp_path: Path) -> None:
    held = Spool(str(tmp_path))
    stored = held.put(np.arange(1000))
    os.ftruncate(held._fd, 100)
    with pytest.raises(PlatformError, match="shorter"):
        held.get(stored, np.empty(stored.size, np.uint8))


MOUNTS = """\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:25 / /tmp rw,nosuid - tmpfs tmpfs rw
23 21 0:26 / /var/tmp rw - xfs /dev/sdb rw
24 21 0:27 / {root}/in\\040memory rw shared:1 - tmpfs none rw
25 21 0:28 / {root}/disk rw - ext4 /dev/sdc rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    for name in ("in memory", "disk"):
        (tmp_path / name).mkdir()
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS.format(root=tmp_path))
    return path


def test_temporary_files_go_to_a_disk(tmp_path: Path, mounts: Path) -> None:
    assert spool.folder({}, mounts=str(mounts)) == "/var/tmp"
    disk = str(tmp_path / "disk")
    assert spool.folder({"TMPDIR": disk}, mounts=str(mounts)) == disk


def test_a_wished_folder_in_memory_is_the_last_resort(tmp_path: Path, mounts: Path) -> None:
    memory = tmp_path / "in memory"  # in the kernel's table its space is an octal escape
    assert spool.folder({"TMPDIR": str(memory)}, mounts=str(mounts)) == "/var/tmp"
    only_memory = mounts.read_text().replace(" xfs ", " tmpfs ")
    mounts.write_text(only_memory)
    assert spool.folder({"TMPDIR": str(memory)}, mounts=str(mounts)) == str(memory)


def test_a_machine_that_tells_no_mounts_has_temporary_files_too(tmp_path: Path) -> None:
    assert spool.folder({}, mounts=str(tmp_path / "none")) == "/tmp"
