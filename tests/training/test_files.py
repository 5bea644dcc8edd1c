"""Files under the eyes of somebody who does not know who writes them."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import pytest

from container_toolkit.training.files import Changed, Steady, is_being_written, look

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_look_sees_regular_files_alone(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/deep").write_text("x")
    (tmp_path / "top").write_text("x")
    os.symlink(tmp_path / "top", tmp_path / "link")
    os.symlink(tmp_path, tmp_path / "a/round")
    os.mkfifo(tmp_path / "fifo")
    assert sorted(look(str(tmp_path))) == ["a/b/deep", "top"]
    assert look(str(tmp_path / "nowhere")) == {}


def test_the_kernel_knows_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(4096))
    assert not is_being_written(str(path))
    with path.open("rb"):
        assert not is_being_written(str(path))
    with path.open("ab"):
        assert is_being_written(str(path))
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 4096)
    assert is_being_written(str(path)), "mapped, though the file is closed"
    mapped.close()
    assert not is_being_written(str(path))
    assert not is_being_written(str(tmp_path / "nowhere"))


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path: Path) -> None:
    kept = path.stat()
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def rename(path: Path) -> None:
    os.rename(path, path.with_name("other"))


@pytest.mark.parametrize("change", [append, overwrite, rename])
def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first second")
    state = look(str(tmp_path))["file"]
    with Steady(str(path), state) as source:
        assert source.read(6) == b"first "
        source.seek(0)
        assert source.read() == b"first second"
    with Steady(str(path), state) as source:
        assert source.read(6) == b"first "
        until_the_clock_moves(path)
        change(path)
        with pytest.raises(Changed):
            source.read(6)
        assert source.changed
    with pytest.raises((Changed, FileNotFoundError)):
        Steady(str(path), state)


def until_the_clock_moves(path: Path) -> None:
    """The time stamps of a file are no finer than the kernel's tick."""
    probe = path.with_name("probe")
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            return
