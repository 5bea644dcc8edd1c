"""A decent tar into a folder: unpacked right, whoever wrote it."""

from __future__ import annotations

import gzip
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from container_toolkit.archive import unpack
from container_toolkit.errors import ArchiveError
from tests.archive.place import Place
from tests.archive.tars import (
    BLOCK,
    COMPRESSIONS,
    END,
    file,
    folder,
    hard_link,
    header,
    made_by_tarfile,
    padded,
    pax,
    symlink,
)

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("format", FORMATS)
def test_decent_archives(place: Place, format: int, compression: str) -> None:
    count = place.unpack(COMPRESSIONS[compression](made_by_tarfile(format)))
    assert count == (6 if format == tarfile.USTAR_FORMAT else 7)
    assert (place.into / "a.txt").read_bytes() == b"hello"
    assert (place.into / "a.txt").stat().st_mode & 0o7777 == 0o640
    assert (place.into / "a.txt").stat().st_mtime == 1_700_000_000
    assert (place.into / "d/b.bin").read_bytes() == bytes(range(256)) * 5
    assert (place.into / "d/é").read_bytes() == b""
    assert (place.into / "e/up").read_bytes() == b"hello"
    assert (place.into / "hard").samefile(place.into / "a.txt")
    assert (place.into / "there").read_text() == "before"


@pytest.mark.parametrize("format", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_archives_of_gnu_tar(place: Place, tmp_path: Path, format: str) -> None:
    source = tmp_path / "source"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "sub" / "file").write_bytes(b"x" * 5000)
    (source / "link").symlink_to("sub/file")
    made = tmp_path / "made.tar"
    subprocess.run(["tar", f"--format={format}", "-cf", made, "-C", source, "."], check=True)
    assert place.unpack(made.read_bytes()) == 4
    assert (place.into / "link").read_bytes() == b"x" * 5000
    assert (place.into / "sub" / "empty").is_dir()


def test_harmless_oddities(place: Place) -> None:
    odd = [
        pax(b"g", comment=b"made by a version control system"),
        folder(b"./"),
        file(b"./f", b"first"),
        file(b"f", b"last wins"),
        file(b".//deep///folder/./f", b"d"),  # its folders have no entries
        hard_link(b"f", b"./f"),  # to itself
        symlink(b"deep/folder/up", b"../../f"),
        symlink(b"ahead", b"later"),
        file(b"later", b"l"),
        header(b"v7-folder/", b"\0", magic=bytes(8)),
        header(b"contiguous", b"7"),
        header(b"sized-folder", b"5", 4096, mode=b"0000755\0"),
        pax(path=b"p" * 200, mtime=b"nan", size=b"3") + header(b"short", b"0", 7) + padded(b"abc"),
        file(b"\xff\xfe", b"not UTF-8"),
        END,
        bytes(50 * BLOCK),
    ]
    assert place.unpack(gzip.compress(b"".join(odd))) == 12
    assert (place.into / "f").read_bytes() == b"last wins"
    assert (place.into / "deep/folder/up").read_bytes() == b"last wins"
    assert (place.into / "ahead").read_bytes() == b"l"
    assert (place.into / "v7-folder").is_dir()
    assert (place.into / "sized-folder").is_dir()
    assert (place.into / ("p" * 200)).read_bytes() == b"abc"
    assert Path(os.fsdecode(os.fsencode(place.into) + b"/\xff\xfe")).read_bytes() == b"not UTF-8"


def test_an_empty_tar_and_a_folder_not_yet_there(place: Place, tmp_path: Path) -> None:
    assert place.unpack(gzip.compress(bytes(20 * BLOCK))) == 0
    unpack(str(place.archive), str(tmp_path / "new" / "folder"))
    assert (tmp_path / "new" / "folder").is_dir()


def test_a_refused_archive_does_not_make_the_folder(place: Place, tmp_path: Path) -> None:
    place.archive.write_bytes(file(b"../x") + END)
    with pytest.raises(ArchiveError):
        unpack(str(place.archive), str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_gzip_of_several_members(place: Place) -> None:
    data = file(b"a", bytes(9000)) + END
    assert place.unpack(gzip.compress(data[:700]) + gzip.compress(data[700:])) == 1


def test_modes_and_owner(place: Place) -> None:
    place.unpack(
        file(b"setuid", mode=b"0006777\0")
        + file(b"secret", mode=b"0000000\0")
        + header(b"sticky", b"5", mode=b"0001777\0")
        + file(b"sticky/f", mode=b"0000400\0")
        + END
    )
    assert (place.into / "setuid").stat().st_mode & 0o7777 == 0o755
    assert (place.into / "secret").stat().st_mode & 0o7777 == 0o600
    assert (place.into / "sticky").stat().st_mode & 0o7777 == 0o755
    assert (place.into / "sticky/f").stat().st_uid == os.geteuid()


def test_links_that_were_there_are_replaced_and_never_followed(place: Place) -> None:
    (place.into / "soft").symlink_to(place.outside / "canary")
    os.link(place.outside / "canary", place.into / "hard")
    data = file(b"soft", b"new") + file(b"hard", b"new") + END
    place.archive.write_bytes(data)
    unpack(str(place.archive), str(place.into))
    assert (place.into / "soft").read_bytes() == (place.into / "hard").read_bytes() == b"new"
    assert not (place.into / "soft").is_symlink()
    assert (place.outside / "canary").read_text() == "sings"


def test_a_folder_reached_by_a_link(place: Place, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(place.into)
    place.archive.write_bytes(file(b"d/f") + END)
    unpack(str(place.archive), str(tmp_path / "alias"))
    assert (place.into / "d/f").read_bytes() == b"data"
