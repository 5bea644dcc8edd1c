"""A tar that is broken or means harm: refused in one sentence, and nothing outside touched."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path

import pytest

from container_toolkit.archive import tar_reader, unpack
from container_toolkit.errors import ArchiveError
from tests.archive.hostile import HOSTILE, with_path
from tests.archive.place import Place
from tests.archive.tars import (
    BLOCK,
    COMPRESSIONS,
    END,
    file,
    folder,
    made_by_tarfile,
    symlink,
)


@pytest.mark.parametrize("compression", ["tar", "gz"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archive_is_refused_before_anything_is_written(
    place: Place, name: str, compression: str
) -> None:
    data, word = HOSTILE[name]
    (place.into / "old-link").symlink_to(place.outside)
    out = os.fsencode(place.outside)
    blocks = [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
    data = b"".join(with_path(block, out) for block in blocks)
    sentence = place.refuses(COMPRESSIONS[compression](file(b"first") + data + END))
    assert word in sentence


def test_a_bomb_of_many_bytes(place: Place) -> None:
    zeros = file(b"zeros", bytes(100_000)) * 3 + END
    assert "more than 200000 bytes" in place.refuses(gzip.compress(zeros), most_bytes=200_000)
    assert place.unpack(zeros, most_bytes=300_000) == 3


def test_a_bomb_of_many_files_counts_the_folders_between(place: Place) -> None:
    many = b"".join(folder(b"d%d/e" % number) for number in range(10)) + END
    assert "more than 19" in place.refuses(many, most_members=19)
    assert place.unpack(many, most_members=20) == 10


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_bomb_by_compression(
    place: Place, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_reader, "RATIO_FROM", 1 << 20)
    bomb = COMPRESSIONS[compression](file(b"zeros", bytes(5 << 20)) + END)
    assert "200 times" in place.refuses(bomb)


def test_a_bomb_after_the_end_marker(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_reader, "MOST_TRAILING", 1 << 20)
    assert "goes on" in place.refuses(gzip.compress(file(b"a") + END + bytes(3 << 20)))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_truncation_is_noticed(place: Place, compression: str) -> None:
    whole = COMPRESSIONS[compression](made_by_tarfile(tarfile.PAX_FORMAT))
    content = len(whole.rstrip(b"\0")) if compression == "tar" else len(whole)
    for end in range(0, content, max(1, content // 150)):
        place.refuses(whole[:end])


@pytest.mark.parametrize("data", [b"", b"hello\n" * 500, b"PK\x03\x04" + bytes(900), b"\x1f\x8b"])
def test_what_is_no_archive(place: Place, data: bytes) -> None:
    place.refuses(data)


def test_a_path_that_is_no_file(place: Place, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path / "pipe", tmp_path):
        with pytest.raises(ArchiveError, match=str(path)):
            unpack(str(path), str(place.into))


def test_a_file_that_changes_between_the_two_readings(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = file(b"ok") + symlink(b"l", os.fsencode(place.outside)) + file(b"l/canary") + END
    make_folders = os.makedirs

    def swap(*args: object, **options: object) -> None:
        place.archive.write_bytes(evil)
        make_folders(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("os.makedirs", swap)
    place.archive.write_bytes(file(b"ok") + END)
    with pytest.raises(ArchiveError):
        unpack(str(place.archive), str(place.into))
    assert (place.outside / "canary").read_text() == "sings"
