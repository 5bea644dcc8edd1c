from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive.place import Place

WORDS = b" ".join(b"word%d" % (number * number % 9973) for number in range(400_000))
NOISE = random.Random(0).randbytes(3_500_000)


@pytest.fixture(params=["isal", "zlib"])
def compressor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs with each; isal is an extra, and without it only zlib can be tested."""
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setitem(sys.modules, "isal", None)
    return str(request.param)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with one of each: more than a chunk of noise and of text, links, odd names."""
    folder = tmp_path / "model"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "noise.bin").write_bytes(NOISE)
    (folder / "sub" / "words.txt").write_bytes(WORDS)
    (folder / "nothing").write_bytes(b"")
    (folder / "block").write_bytes(b"x" * 512)
    (folder / "program").write_bytes(b"#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    (folder / "link").symlink_to("sub/words.txt")
    (folder / "dangling").symlink_to("no/such/file")
    (folder / "link-to-folder").symlink_to("sub")
    os.link(folder / "block", folder / "hard")
    (folder / ("long-" + "n" * 200)).write_bytes(b"long")
    (folder / "line\nbreak é").write_bytes(b"odd")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xe9")).write_bytes(b"not UTF-8")
    os.utime(folder / "program", (1_600_000_000, 1_600_000_000))
    (folder / "sub").chmod(0o750)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "model.tar.gz"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def never_hangs() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
