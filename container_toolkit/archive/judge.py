"""`Judge`: whether a tar's member may be unpacked, before anything is written.

A name must lead to a place inside the folder through real folders only, never through a link,
be it one from the archive or one that was there before. So what `..` at the start of a link's
target means is certain, and a link that can't leave the folder by itself can't by way of others.
"""

from __future__ import annotations

import errno
import os
import stat

from container_toolkit.errors import ArchiveError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from container_toolkit.archive.tar_reader import Member

    Parts: TypeAlias = tuple[bytes, ...]
    # What the archive has put where: a folder by what it holds, anything else by its kind.
    Tree: TypeAlias = dict[bytes, "Tree | bytes"]

FILE, HARD_LINK, LINK, FOLDER = b"0", b"1", b"2", b"5"
REFUSED = {b"3": "a device", b"4": "a device", b"6": "a FIFO", b"S": "a sparse file"}
LONGEST_PATH, LONGEST_NAME = 4095, 255  # bytes, on Linux


class Placed(Value):
    """A member found harmless: its `path`, and for a hard link the path of the file it shares."""

    member: Member
    path: tuple[bytes, ...]
    source: tuple[bytes, ...] = ()


class Judge:
    """Judges the members of one reading of `archive`, in their order, for the folder `into`."""

    def __init__(self, archive: str, into: str, *, most_members: int) -> None:
        self._archive = archive
        self._into = os.fsencode(into)
        self._most_members = most_members
        self._count = 0
        self._tree: Tree = {}

    def place(self, member: Member) -> Placed | None:
        """Where `member` goes; None for the entry of the folder itself.

        Raises ArchiveError for a member that must not be unpacked.
        """
        if member.kind not in (FILE, HARD_LINK, LINK, FOLDER):
            raise self._refusal(member, f"is {REFUSED.get(member.kind, 'of an unknown kind')}")
        path = self._path(member, member.name, "has a name that")
        if not path and member.kind == FOLDER:
            return None
        if not path:
            raise self._refusal(member, "is the folder itself, but no folder")
        source: Parts = ()
        if member.kind == LINK:
            self._check_target(member, depth=len(path) - 1)
        if member.kind == HARD_LINK:
            source = self._source(member)
        self._add(member, path)
        return Placed(member=member, path=path, source=source)

    def _path(self, member: Member, name: bytes, what: str) -> Parts:
        """`name` taken apart, without what means nothing (`./`, `//`)."""
        parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
        if name.startswith(b"/"):
            raise self._refusal(member, f"{what} is absolute")
        if b".." in parts:
            raise self._refusal(member, f"{what} holds '..'")
        if b"\0" in name:
            raise self._refusal(member, f"{what} holds a NUL")
        if len(name) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in parts):
            raise self._refusal(member, f"{what} is too long")
        return parts

    def _check_target(self, member: Member, *, depth: int) -> None:
        """A symbolic link, `depth` folders deep, may climb that far, and only at its start."""
        parts = [part for part in member.target.split(b"/") if part not in (b"", b".")]
        climb = 0
        while climb < len(parts) and parts[climb] == b"..":
            climb += 1
        if member.target.startswith(b"/") or climb > depth:
            raise self._refusal(member, f"is a link out of the folder, to {_shown(member.target)}")
        if b".." in parts[climb:]:
            raise self._refusal(member, f"is a link that turns back, to {_shown(member.target)}")
        if b"\0" in member.target or not 0 < len(member.target) <= LONGEST_PATH:
            raise self._refusal(member, "is a link to nothing that can be")

    def _source(self, member: Member) -> Parts:
        """The file a hard link shares: one from this archive, never one that was there before."""
        path = self._path(member, member.target, "is a hard link to what")
        node: Tree | bytes | None = self._tree
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        if node != FILE:
            what = f"is a hard link to {_shown(member.target)}, which is no file before it"
            raise self._refusal(member, what)
        return path

    def _add(self, member: Member, path: Parts) -> None:
        """Note that `path` is taken, if it can be, and so are the folders above it."""
        tree = self._tree
        for depth in range(1, len(path)):
            tree = self._folder(member, tree, path[:depth])
        if member.kind == FOLDER:
            self._folder(member, tree, path)
            return
        if self._kind(member, tree, path) == FOLDER:
            raise self._refusal(member, "would replace a folder")
        self._counted(path[-1] not in tree)
        tree[path[-1]] = LINK if member.kind == LINK else FILE

    def _folder(self, member: Member, tree: Tree, path: Parts) -> Tree:
        """The folder `path`, which `tree` holds or may hold from now on."""
        kind = self._kind(member, tree, path)
        if kind == LINK:
            raise self._refusal(member, f"would be written through the link {_shown(*path)}")
        if kind == FILE:
            raise self._refusal(member, f"needs a folder where {_shown(*path)} is a file")
        self._counted(path[-1] not in tree)
        folder = tree.setdefault(path[-1], {})
        assert isinstance(folder, dict)
        return folder

    def _kind(self, member: Member, tree: Tree, path: Parts) -> bytes:
        """What is, or by then will be, at `path`; empty for nothing."""
        node = tree.get(path[-1])
        if node is not None:
            return FOLDER if isinstance(node, dict) else node
        try:
            mode = os.lstat(os.path.join(self._into, *path)).st_mode
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise self._refusal(member, "has a name that is too long there") from error
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return b""
            raise
        if stat.S_ISDIR(mode):
            return FOLDER
        return LINK if stat.S_ISLNK(mode) else FILE

    def _counted(self, new: bool) -> None:
        self._count += new
        if self._count > self._most_members:
            raise ArchiveError(
                f"{self._archive} holds more than {self._most_members} files and folders: "
                "create the archive again from fewer of them"
            )

    def _refusal(self, member: Member, why: str) -> ArchiveError:
        return ArchiveError(
            f"{self._archive}: its member {_shown(member.name)} {why}: "
            "create the archive again without it"
        )


def _shown(*parts: bytes) -> str:
    """A path for a message: on one line, and not of any length."""
    text = b"/".join(parts).decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 200 else text[:200] + "…")
