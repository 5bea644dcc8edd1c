"""Tars made by hand, header by header: tarfile would refuse to write most of these."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
from pathlib import Path

BLOCK = 512
END = bytes(2 * BLOCK)


def header(name: bytes, kind: bytes = b"0", size: int | bytes = 0, **fields: bytes) -> bytes:
    """One ustar header block; `fields` are `target`, `mode`, `prefix` and `magic`."""
    number = size if isinstance(size, bytes) else b"%011o\0" % size
    block = b"".join(
        [
            name.ljust(100, b"\0"),
            fields.get("mode", b"0000644\0"),
            b"0000000\0" * 2,
            number,
            b"00000000001\0",
            b" " * 8,
            kind,
            fields.get("target", b"").ljust(100, b"\0"),
            fields.get("magic", b"ustar\x0000"),
            bytes(80),
            fields.get("prefix", b"").ljust(155, b"\0"),
            bytes(12),
        ]
    )
    assert len(block) == BLOCK
    return checksummed(block)


def checksummed(block: bytes) -> bytes:
    blank = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(blank) + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes, data: bytes = b"data", **fields: bytes) -> bytes:
    return header(name, b"0", len(data), **fields) + padded(data)


def folder(name: bytes, **fields: bytes) -> bytes:
    return header(name, b"5", mode=b"0000755\0", **fields)


def symlink(name: bytes, target: bytes) -> bytes:
    return header(name, b"2", target=target)


def hard_link(name: bytes, target: bytes) -> bytes:
    return header(name, b"1", target=target)


def record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while len(b"%d" % length) + len(body) != length:
        length += 1
    return b"%d" % length + body


def pax(kind: bytes = b"x", **records: bytes) -> bytes:
    data = b"".join(record(key.encode().replace(b"__", b"."), v) for key, v in records.items())
    return header(b"PaxHeaders/x", kind, len(data)) + padded(data)


def gnu_long(kind: bytes, text: bytes) -> bytes:
    return header(b"././@LongLink", kind, len(text) + 1) + padded(text + b"\0")


def made_by_tarfile(format: int) -> bytes:
    """A decent tar in one of tarfile's formats, with a bit of everything."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, data in [("a.txt", b"hello"), ("d/b.bin", bytes(range(256)) * 5), ("d/é", b"")]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), 1_700_000_000, 0o640
            tar.addfile(entry, io.BytesIO(data))
        for name, kind, target in [
            ("e", tarfile.DIRTYPE, ""),
            ("e/up", tarfile.SYMTYPE, "../a.txt"),
            ("hard", tarfile.LNKTYPE, "a.txt"),
        ]:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = kind, target, 0o755
            tar.addfile(entry)
        if format != tarfile.USTAR_FORMAT:
            entry = tarfile.TarInfo("long/" + "n" * 150)
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc"))
    return out.getvalue()


COMPRESSIONS = {
    "tar": lambda data: data,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def snapshot(top: Path, without: Path | None = None) -> dict[str, tuple[object, ...]]:
    """Everything under `top` that can be seen to change, `without` one sub-folder's content."""
    seen: dict[str, tuple[object, ...]] = {}
    for place, folders, files in os.walk(top):
        if without is not None and Path(place) == without:
            folders.clear()
            continue
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            if without is not None and Path(path) == without:
                continue
            found = os.lstat(path)
            content: object = None
            if stat.S_ISLNK(found.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(found.st_mode):
                content = Path(path).read_bytes()
            seen[path] = (found.st_mode, found.st_ino, found.st_nlink, found.st_mtime_ns, content)
    return seen
