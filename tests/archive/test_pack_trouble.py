"""What goes wrong while a folder is packed: an error, and never half an archive."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from container_toolkit.archive import gzip_stream, pack, packing
from container_toolkit.errors import PlatformError
from tests.archive.conftest import NOISE
from tests.archive.tars import snapshot

ROOT = Path(__file__).parents[2]
HANG = 120  # seconds; nothing here takes one
NOBODY = 65534


@pytest.mark.parametrize(("resized", "kept"), [(5_000_000, 3_500_000), (1000, None), (0, None)])
def test_a_file_that_changes_size_while_it_is_read(
    model: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, resized: int, kept: int | None
) -> None:
    copy = gzip_stream.GzipStream.copy

    def resize_and_copy(self: gzip_stream.GzipStream, source: int, size: int) -> int:
        if size == len(NOISE):
            os.truncate(model / "noise.bin", resized)
        return copy(self, source, size)

    monkeypatch.setattr(gzip_stream.GzipStream, "copy", resize_and_copy)
    if kept is None:
        with pytest.raises(PlatformError, match=r"noise\.bin shrank from 3500000 to "):
            pack(str(model), str(archive))
        assert os.listdir(model.parent) == ["model"]
        return
    pack(str(model), str(archive))
    with tarfile.open(archive) as tar:
        assert len(tar.getmembers()) == len(list(model.rglob("*")))
        assert tar.extractfile("noise.bin").read() == NOISE  # type: ignore[union-attr]


def test_what_vanishes_or_becomes_something_else(model: Path, archive: Path) -> None:
    def change(path: str) -> bool:
        if path == "sub":
            shutil.rmtree(model / "sub")
        if path == "noise.bin":
            (model / path).unlink()
            os.mkfifo(model / path)
        return False

    pack(str(model), str(archive), leave_out=change)
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert "program" in names
    assert not {"sub", "sub/words.txt", "noise.bin"} & set(names)


@pytest.mark.parametrize("replacement", ["link", "fifo"])
def test_a_file_replaced_between_look_and_open(
    model: Path, archive: Path, monkeypatch: pytest.MonkeyPatch, replacement: str
) -> None:
    entries = packing._entries

    def replacing(*args: object) -> Iterator[tuple[str, os.stat_result]]:
        for path, found in entries(*args):  # type: ignore[arg-type]
            if path == "block":
                (model / path).unlink()
                if replacement == "fifo":
                    os.mkfifo(model / path)
                else:
                    (model / path).symlink_to("/etc/passwd")
            yield path, found

    monkeypatch.setattr(packing, "_entries", replacing)
    pack(str(model), str(archive))
    with tarfile.open(archive) as tar:
        assert "block" not in tar.getnames()


def test_a_missing_folder(tmp_path: Path, archive: Path) -> None:
    with pytest.raises(PlatformError, match="model can't be packed"):
        pack(str(tmp_path / "model"), str(archive))
    assert os.listdir(tmp_path) == []


def test_an_archive_that_cannot_be_there(model: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    for path in (tmp_path / "none" / "m.tar.gz", model / "block" / "m.tar.gz", model / "sub"):
        with pytest.raises(PlatformError, match="can't be written"):
            pack(str(model), str(path))
    del before[str(model / "sub")], before[str(model)]  # their times have changed
    assert before.items() <= snapshot(tmp_path).items()
    assert not list(tmp_path.rglob("*.partial"))


def test_whatever_interrupts_it_leaves_the_older_archive(model: Path, archive: Path) -> None:
    archive.write_bytes(b"older")

    def interrupt(path: str) -> bool:
        if path == "sub/words.txt":
            raise KeyboardInterrupt
        return False

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        pack(str(model), str(archive), leave_out=interrupt)
    assert archive.read_bytes() == b"older"
    assert sorted(os.listdir(archive.parent)) == ["model", "model.tar.gz"]
    assert threading.active_count() == threads


def test_an_error_in_a_thread(model: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room to deflate")

    monkeypatch.setattr(gzip_stream, "_deflate", fail)
    with pytest.raises(MemoryError):
        pack(str(model), str(archive), threads=2)
    assert os.listdir(archive.parent) == ["model"]


def test_killed_on_the_way(model: Path) -> None:
    inside = model / "model.tar.gz"
    script = """
    import sys, time
    from container_toolkit.archive import pack
    def leave_out(path):
        if path == "program":
            print("half way", flush=True)
            time.sleep(600)
    pack(sys.argv[1], sys.argv[2], leave_out=leave_out)
    """
    argv = [sys.executable, "-c", textwrap.dedent(script), str(model), str(inside)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half way\n"
        process.send_signal(signal.SIGKILL)
    assert not inside.exists()
    assert len(list(model.glob(".model.tar.gz.*.partial"))) == 1
    pack(str(model), str(inside))
    with tarfile.open(inside) as tar:
        assert not [name for name in tar.getnames() if "model.tar.gz" in name]


# Fills a disk (or hits a limit on file sizes, where we may not mount one), and says how it went.
FULL = """
import os, resource, sys
from container_toolkit.archive import pack
from container_toolkit.errors import PlatformError
place, folder = sys.argv[1:]
if os.system(f"mount -t tmpfs -o size=1m none {place} 2>/dev/null"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    pack(folder, place + "/model.tar.gz")
except PlatformError as error:
    print(error)
print(os.listdir(place))
"""


def test_a_full_disk(model: Path, tmp_path: Path, compressor: str) -> None:
    place = tmp_path / "small"
    place.mkdir()
    block = "import sys; sys.modules['isal'] = None\n" if compressor == "zlib" else ""
    argv = [sys.executable, "-c", block + FULL, str(place), str(model)]
    alone = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    done = subprocess.run(
        argv if alone.returncode else ["unshare", "-m", *argv],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        timeout=HANG,
    )
    sentence, left = done.stdout.splitlines()
    assert sentence.startswith(f"{place}/model.tar.gz can't be written (")
    assert sentence.endswith("free some space there, or choose another folder")
    assert left == "[]"


def _told_by_nobody(folder: str, archive: str) -> str:
    """The error of packing as a user who is not root, in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            if not os.geteuid():
                os.setuid(NOBODY)
            pack(folder, archive)
        except PlatformError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as told:
        return told.read()


def test_without_permission() -> None:
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        model = Path(top, "model")
        (model / "locked").mkdir(parents=True)
        (model / "secret").write_bytes(b"x")
        archive = str(model / "model.tar.gz")
        if not os.geteuid():
            os.chown(model, NOBODY, NOBODY)
        model.chmod(0o555)
        assert "make its folder writable" in _told_by_nobody(str(model), archive)
        model.chmod(0o755)
        for name in ("locked", "secret"):
            (model / name).chmod(0)
            told = _told_by_nobody(str(model), archive)
            assert told.startswith(f"{model / name} can't be packed (Permission denied)")
            (model / name).chmod(0o755)
        assert sorted(os.listdir(model)) == ["locked", "secret"]
        assert _told_by_nobody(str(model), archive) == ""
        assert sorted(os.listdir(model)) == ["locked", "model.tar.gz", "secret"]
