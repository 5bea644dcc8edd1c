"""Members that must never be unpacked, each with a word of the sentence that refuses it."""

from __future__ import annotations

from tests.archive.tars import (
    BLOCK,
    END,
    checksummed,
    file,
    folder,
    gnu_long,
    hard_link,
    header,
    padded,
    pax,
    symlink,
)

# OUT, in a fixed field of a header, stands for the absolute path of a folder outside.
HOSTILE: dict[str, tuple[bytes, str]] = {
    "absolute name": (file(b"OUT/x"), "absolute"),
    "leading slashes": (file(b"//x"), "absolute"),
    "absolute folder": (folder(b"OUT/new"), "absolute"),
    "parent": (file(b"../x"), "'..'"),
    "grandparent": (file(b"../../outside/canary"), "'..'"),
    "parent in the middle": (file(b"a/../../x"), "'..'"),
    "parent at the end": (folder(b"a/.."), "'..'"),
    "dotted parent": (file(b"./../x"), "'..'"),
    "parent folder": (folder(b".."), "'..'"),
    "parent in the prefix": (file(b"x", prefix=b"../.."), "'..'"),
    "absolute prefix": (file(b"x", prefix=b"OUT"), "absolute"),
    "parent in a pax path": (pax(path=b"../x") + file(b"x"), "'..'"),
    "absolute pax path": (pax(path=b"/proc/x") + file(b"x"), "absolute"),
    "parent in a global pax path": (pax(b"g", path=b"../x") + file(b"x"), "'..'"),
    "parent in a Solaris pax path": (pax(b"X", path=b"../x") + file(b"x"), "'..'"),
    "parent in a GNU long name": (gnu_long(b"L", b"../x") + file(b"x"), "'..'"),
    "NUL in a pax path": (pax(path=b"a\0b") + file(b"x"), "NUL"),
    "no name": (file(b""), "no folder"),
    "file as the folder itself": (file(b"./."), "no folder"),
    "link as the folder itself": (symlink(b".", b"OUT"), "no folder"),
    "absolute link": (symlink(b"l", b"OUT/canary"), "out of the folder"),
    "link out": (symlink(b"l", b"../../outside"), "out of the folder"),
    "link out of a sub-folder": (symlink(b"a/l", b"../../x"), "out of the folder"),
    "link that turns back": (symlink(b"l", b"a/../../x"), "turns back"),
    "two links that climb together": (
        folder(b"a") + symlink(b"a/up", b"..") + symlink(b"l", b"a/up/../outside"),
        "turns back",
    ),
    "link to nothing": (symlink(b"l", b""), "nothing"),
    "NUL in a link": (pax(linkpath=b"a\0b") + symlink(b"l", b"a"), "nothing"),
    "pax link out": (pax(linkpath=b"../../x") + symlink(b"l", b"a"), "out of the folder"),
    "GNU long link out": (gnu_long(b"K", b"../" * 50) + symlink(b"l", b"a"), "out of the"),
    "through an absolute link": (symlink(b"l", b"OUT") + file(b"l/x"), "out of the folder"),
    "through a link inside": (folder(b"d") + symlink(b"l", b"d") + file(b"l/x"), "through"),
    "through a link to itself": (symlink(b"l", b".") + file(b"l/x"), "through"),
    "folder on a link": (symlink(b"l", b"d") + folder(b"l"), "through"),
    "link through a link": (symlink(b"l", b"d") + symlink(b"l/m", b".."), "through"),
    "through a link that was there": (file(b"old-link/x"), "through"),
    "folder on a link that was there": (folder(b"old-link"), "through"),
    "deep through a link that was there": (file(b"old-link/a/b/c"), "through"),
    "absolute hard link": (hard_link(b"h", b"OUT/canary"), "absolute"),
    "hard link out": (hard_link(b"h", b"../canary"), "'..'"),
    "hard link to what is missing": (hard_link(b"h", b"none"), "no file before it"),
    "hard link to what was there": (hard_link(b"h", b"there"), "no file before it"),
    "hard link to a link": (
        symlink(b"a/b/l", b"../../x") + hard_link(b"h", b"a/b/l"),
        "no file before it",
    ),
    "hard link through a link": (
        file(b"d/f") + symlink(b"l", b"d") + hard_link(b"h", b"l/f"),
        "no file before it",
    ),
    "hard link to a folder": (folder(b"d") + hard_link(b"h", b"d"), "no file before it"),
    "character device": (header(b"null", b"3"), "device"),
    "block device": (header(b"sda", b"4"), "device"),
    "FIFO": (header(b"pipe", b"6"), "FIFO"),
    "unknown kind": (header(b"x", b"Z"), "unknown kind"),
    "GNU sparse file": (header(b"x", b"S"), "sparse"),
    "pax sparse file": (pax(GNU__sparse__map=b"0,1") + file(b"x"), "sparse"),
    "file under a file": (file(b"f") + file(b"f/x"), "is a file"),
    "folder on a file": (file(b"f") + folder(b"f"), "is a file"),
    "folder on a file that was there": (file(b"there/x"), "is a file"),
    "file on a folder": (file(b"d/f") + file(b"d"), "replace a folder"),
    "name of 300 bytes": (pax(path=b"n" * 300) + file(b"x"), "too long"),
    "path of 5,000 bytes": (pax(path=b"n/" * 2500) + file(b"x"), "too long"),
    "line break in the name": (file(b"../a\nb\x1b[31m"), "'..'"),
    "negative size": (header(b"x", b"0", b"\xff" * 12), "negative"),
    "negative pax size": (pax(size=b"-512") + file(b"x"), "no known size"),
    "size of no number": (pax(size=b"1e3") + file(b"x"), "no known size"),
    "huge size": (header(b"x", b"0", b"\x80" + b"\x7f" * 11), "no known size"),
    "size past the limit": (header(b"x", b"0", b"\x80" + b"\0" * 4 + b"\x7f" * 7), "more than"),
    "8 GiB that are not there": (header(b"x", b"0", 8**11 - 1), "cut short"),
    "8 GiB of extended header": (header(b"x", b"x", 8**11 - 1), "too long"),
    "8 GiB of long name": (header(b"x", b"L", 8**11 - 1), "too long"),
    "endless extended headers": (pax(comment=b"x") * 100 + file(b"x"), "too long"),
    "extended header of no length": (header(b"x", b"x", 9) + padded(b"0 path=x\n"), "extended"),
    "extended header of wrong length": (header(b"x", b"x", 9) + padded(b"99 path=x"), "extended"),
    "extended header without a key": (header(b"x", b"x", 5) + padded(b"5 ab\n"), "extended"),
    "extended header of digits": (header(b"x", b"x", 60000) + padded(b"1" * 60000), "extended"),
    "broken header in the middle": (file(b"a") + b"x" * BLOCK + file(b"b"), "broken header"),
    "two tars in one": (file(b"a") + END + file(b"b"), "goes on"),
}


def with_path(block: bytes, out: bytes) -> bytes:
    """A header block in which OUT, in a fixed field, has become a path."""
    if b"OUT" not in block:
        return block
    for start, end in ((0, 100), (157, 257), (345, 500)):
        field = block[start:end].replace(b"OUT", out).rstrip(b"\0")[: end - start]
        block = block[:start] + field.ljust(end - start, b"\0") + block[end:]
    return checksummed(block)
