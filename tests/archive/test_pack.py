"""A folder as one tar.gz: its bytes as every reader sees them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container_toolkit.archive import Packed, gzip_stream, pack, packing, unpack
from tests.archive.conftest import NOISE, WORDS

ROOT = Path(__file__).parents[2]
HANG = 120  # seconds; nothing here takes one
CHUNK = gzip_stream.CHUNK


def test_layout(model: Path, archive: Path, compressor: str) -> None:
    packed = pack(str(model), str(archive))
    names = sorted(os.fsencode(path.relative_to(model)) for path in model.rglob("*"))
    with tarfile.open(archive, "r:gz") as tar:
        members = tar.getmembers()
    assert [os.fsencode(member.name) for member in members] == names
    for member in members:
        found = (model / member.name).lstat()
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert member.mode == stat.S_IMODE(found.st_mode)
        assert member.mtime == int(found.st_mtime)
        assert member.isdir() == stat.S_ISDIR(found.st_mode)
        assert member.issym() == stat.S_ISLNK(found.st_mode)
        assert member.isfile() == stat.S_ISREG(found.st_mode)
    targets = {member.name: member.linkname for member in members if member.issym()}
    assert targets == {
        "link": "sub/words.txt",
        "dangling": "no/such/file",
        "link-to-folder": "sub",
    }
    files = [path for path in model.rglob("*") if path.is_symlink() or path.is_file()]
    read = sum(path.stat().st_size for path in files if not path.is_symlink())
    assert packed == Packed(files=len(files), read=read, written=archive.stat().st_size)


def test_first_bytes(model: Path, archive: Path, compressor: str) -> None:
    pack(str(model), str(archive))
    assert archive.read_bytes()[:10] == bytes.fromhex("1f8b08000000000000ff")
    first = gzip.decompress(archive.read_bytes())[:512]
    assert first.startswith(b"block\0")
    assert first[257:265] == b"ustar\x0000"


def test_one_member_in_whole_records(model: Path, archive: Path, compressor: str) -> None:
    pack(str(model), str(archive))
    inflater = zlib.decompressobj(wbits=31)
    content = inflater.decompress(archive.read_bytes())
    assert inflater.eof
    assert inflater.unused_data == b""
    assert len(content) % 10240 == 0
    assert content.endswith(bytes(1024))


READ = """
import hashlib, json, sys, tarfile
seen = []
with tarfile.open(sys.argv[1], sys.argv[2]) as tar:
    for member in tar:
        data = tar.extractfile(member).read() if member.isfile() else b""
        seen.append([member.name, hashlib.sha256(data).hexdigest()])
print(json.dumps(seen))
"""


@pytest.mark.parametrize("mode", ["r:gz", "r|gz", "r:*", "r|*"])
def test_every_mode_of_tarfile_reads_it(
    model: Path, archive: Path, compressor: str, mode: str
) -> None:
    pack(str(model), str(archive))
    argv = [sys.executable, "-c", READ, str(archive), mode]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=HANG)
    seen = dict(json.loads(done.stdout))
    for path in model.rglob("*"):
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        assert seen[str(path.relative_to(model))] == hashlib.sha256(data).hexdigest()


def test_gnu_tools_read_it(model: Path, archive: Path, compressor: str, tmp_path: Path) -> None:
    pack(str(model), str(archive))
    into = tmp_path / "unpacked"
    into.mkdir()
    subprocess.run(["gzip", "-t", archive], check=True, timeout=HANG)
    done = subprocess.run(
        ["tar", "-xpzf", archive, "-C", into], check=True, timeout=HANG, capture_output=True
    )
    assert b"Error" not in done.stderr
    subprocess.run(["diff", "-r", "--no-dereference", model, into], check=True, timeout=HANG)


def test_the_same_bytes_whatever_the_threads(
    model: Path, archive: Path, compressor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def packed(threads: int | None) -> bytes:
        """The archive; for isal, which does not promise to deflate alike, what it unpacks to."""
        pack(str(model), str(archive), threads=threads)
        content = archive.read_bytes()
        return content if compressor == "zlib" else gzip.decompress(content)

    first = packed(None)
    for threads in (1, 2, 3, 8):
        assert packed(threads) == first, threads
    again = model.with_name("copied")
    shutil.copytree(model, again, symlinks=True)
    kept, model = model, again
    assert packed(None) == first
    model = kept

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    assert packed(4) == first


def test_noise_is_stored_and_text_deflated(tmp_path: Path, archive: Path, compressor: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "noise").write_bytes(NOISE)
    noise = pack(str(folder), str(archive)).written
    assert len(NOISE) < noise < len(NOISE) * 1.001 + 1000
    (folder / "noise").unlink()
    (folder / "words").write_bytes(WORDS)
    assert pack(str(folder), str(archive)).written < len(WORDS) / 2


@pytest.mark.parametrize(
    "size", [0, 1, 511, 512, 513, CHUNK - 1024, CHUNK - 512, CHUNK, 3 * CHUNK + 7]
)
def test_sizes_around_blocks_and_chunks(
    tmp_path: Path, archive: Path, compressor: str, size: int
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_bytes(NOISE[:size])
    (folder / "b").write_bytes(b"end")
    pack(str(folder), str(archive))
    with tarfile.open(archive) as tar:
        contents = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert contents == {"a": NOISE[:size], "b": b"end"}


def test_an_archive_inside_its_folder(model: Path) -> None:
    inside = model / "sub" / "model.tar.gz"
    inside.write_bytes(b"older")
    (model / "sub" / ".model.tar.gz.7-ab.partial").write_bytes(b"left over")
    (model / ".model.tar.gz.7-ab.partial").write_bytes(b"of no archive here")
    (model / "model.tar.gz").write_bytes(b"another one")
    alias = model.with_name("alias")
    alias.symlink_to(model)
    pack(str(alias), str(inside))
    with tarfile.open(inside) as tar:
        names = tar.getnames()
    assert "sub/words.txt" in names
    assert not [name for name in names if "model.tar.gz" in name and name.startswith("sub/")]
    assert ".model.tar.gz.7-ab.partial" in names
    assert "model.tar.gz" in names


def test_leave_out(model: Path, archive: Path) -> None:
    asked = []

    def leave_out(path: str) -> bool:
        asked.append(path)
        return path in ("sub", "noise.bin")

    pack(str(model), str(archive), leave_out=leave_out)
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert "nothing" in names
    assert not [name for name in names if name.startswith(("sub", "noise"))]
    assert "sub/words.txt" not in asked


def test_what_is_no_file_is_left_out(model: Path, archive: Path) -> None:
    os.mkfifo(model / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(model / "socket"))
        pack(str(model), str(archive))
    with tarfile.open(archive) as tar:
        assert not {"pipe", "socket"} & set(tar.getnames())


def test_an_empty_folder(tmp_path: Path, archive: Path, compressor: str) -> None:
    (tmp_path / "model").mkdir()
    packed = pack(str(tmp_path / "model"), str(archive))
    assert (packed.files, packed.read) == (0, 0)
    with tarfile.open(archive) as tar:
        assert tar.getnames() == []


def test_sizes_over_8_gib(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as sparse:
        sparse.truncate(9 << 30)
    header = packing._header("sparse", (tmp_path / "sparse").stat(), "")
    with tarfile.open(fileobj=io.BytesIO(header)) as tar:
        assert tar.next().size == 9 << 30  # type: ignore[union-attr]


def test_importing_it_costs_nothing() -> None:
    script = "import sys, container_toolkit.archive; print(*sys.modules)"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    heavy = {"tarfile", "gzip", "zlib", "threading", "queue", "isal", "typing", "collections", "re"}
    assert not heavy & set(done.stdout.split())


NAMES = st.binary(min_size=1, max_size=60).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)
CONTENTS = st.one_of(
    st.binary(max_size=2000),
    st.builds(lambda data, times: data * times, st.binary(min_size=1), st.integers(1, 3000)),
    st.integers(0, len(NOISE)).map(lambda size: NOISE[:size]),
)
TREES = st.recursive(
    CONTENTS, lambda inner: st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)


def _plant(folder: bytes, tree: dict[bytes, object]) -> None:
    for name, node in tree.items():
        path = os.path.join(folder, name)
        if isinstance(node, dict):
            os.mkdir(path)
            _plant(path, node)
        else:
            assert isinstance(node, bytes)
            Path(os.fsdecode(path)).write_bytes(node)


def _grown(folder: bytes) -> dict[bytes, object]:
    return {
        entry.name: _grown(entry.path)
        if entry.is_dir()
        else Path(os.fsdecode(entry.path)).read_bytes()
        for entry in os.scandir(folder)
    }


@settings(max_examples=100, deadline=None)
@given(tree=st.dictionaries(NAMES, TREES, max_size=5), stdlib=st.booleans())
def test_round_trip(tree: dict[bytes, object], stdlib: bool) -> None:
    with tempfile.TemporaryDirectory() as top, pytest.MonkeyPatch.context() as patch:
        if stdlib:
            patch.setitem(sys.modules, "isal", None)
        folder, into, archive = (os.path.join(top, name) for name in ("in", "out", "a.tar.gz"))
        os.mkdir(folder)
        _plant(os.fsencode(folder), tree)
        packed = pack(folder, archive)
        entries = unpack(archive, into)
        assert _grown(os.fsencode(into)) == _grown(os.fsencode(folder)) == tree
        assert packed.files <= entries
