"""`unpack`: a tar from anyone into a folder, and nothing outside of it.

The archive is read twice. The first pass judges every member and writes nothing, so that an
archive we refuse leaves the folder as it was. The second judges again, in case the file has
changed meanwhile, and follows no link when it writes, in case the folder has.
"""

from __future__ import annotations

import os

from container_toolkit.archive.judge import FILE, FOLDER, HARD_LINK, LINK, Judge, Placed
from container_toolkit.archive.tar_reader import TarReader
from container_toolkit.errors import PlatformError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 64 << 30
MOST_MEMBERS = 200_000
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def unpack(
    archive: str, into: str, *, most_bytes: int = MOST_BYTES, most_members: int = MOST_MEMBERS
) -> int:
    """Unpack the tar, tar.gz, tar.bz2 or tar.xz `archive` into the folder `into`, made if missing.

    Returns the number of members. Files that are there are replaced; of several members of one
    name the last wins. The owner is the caller; of a mode only the permissions are kept, without
    writing for group and others, and the owner may always read and write.

    Raises ArchiveError, and leaves `into` as it was, when the archive is broken, cut short, holds
    more than `most_bytes` of content or `most_members` files and folders, or a member that is no
    file, folder or link, or whose name or target leads out of `into`. Raises PlatformError when
    the disk fails us; what was unpacked until then stays.
    """
    reader = TarReader(archive, most_bytes=most_bytes)
    try:
        for _ in _judged(reader, into, most_members):
            pass
        return _extract(reader, into, most_members)
    except OSError as error:
        raise PlatformError(
            f"{archive} can't be unpacked into {into} ({error.strerror}): "
            "make room and that folder writable, or choose another one"
        ) from error
    finally:
        reader.close()


def _judged(reader: TarReader, into: str, most_members: int) -> Iterator[Placed]:
    judge = Judge(reader.archive, into, most_members=most_members)
    for member in reader.members():
        placed = judge.place(member)
        if placed is not None:
            yield placed


def _extract(reader: TarReader, into: str, most_members: int) -> int:
    os.makedirs(into, exist_ok=True)
    root = os.open(into, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    count = 0
    folders: dict[tuple[bytes, ...], float] = {}
    try:
        for placed in _judged(reader, into, most_members):
            count += 1
            if placed.member.kind == FOLDER:
                folders[placed.path] = placed.member.mtime
            _write(root, placed, reader)
        for path, mtime in folders.items():  # last: each file written changes its folder's time
            folder = _folder(root, path)
            _set_time(folder, mtime)
            os.close(folder)
    finally:
        os.close(root)
    return count


def _write(root: int, placed: Placed, reader: TarReader) -> None:
    kind, name = placed.member.kind, placed.path[-1]
    folder = _folder(root, placed.path if kind == FOLDER else placed.path[:-1])
    try:
        if kind == FOLDER:
            _set_mode(folder, placed.member.mode & 0o755 | 0o700)
        elif kind == FILE:
            _write_file(folder, placed, reader)
        elif kind == LINK:
            _remove(folder, name)
            os.symlink(placed.member.target, name, dir_fd=folder)
        elif kind == HARD_LINK and placed.source != placed.path:
            _remove(folder, name)
            _link(root, placed.source, folder, name)
    finally:
        os.close(folder)


def _folder(root: int, path: tuple[bytes, ...]) -> int:
    """The folder `path` under `root`, opened, made if missing, and reached through no link."""
    folder = os.dup(root)
    for name in path:
        try:
            _make_folder(folder, name)
            inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder


def _make_folder(folder: int, name: bytes) -> None:
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        pass


def _write_file(folder: int, placed: Placed, reader: TarReader) -> None:
    # Never into a file that is there: it may be a hard link to one outside.
    _remove(folder, placed.path[-1])
    file = os.open(placed.path[-1], FILE_FLAGS, 0o600, dir_fd=folder)
    try:
        for piece in reader.content():
            view = memoryview(piece)
            while view:
                view = view[os.write(file, view) :]
        _set_mode(file, placed.member.mode & 0o755 | 0o600)
        _set_time(file, placed.member.mtime)
    finally:
        os.close(file)


def _link(root: int, source: tuple[bytes, ...], folder: int, name: bytes) -> None:
    place = _folder(root, source[:-1])
    try:
        os.link(source[-1], name, src_dir_fd=place, dst_dir_fd=folder, follow_symlinks=False)
    finally:
        os.close(place)


def _remove(folder: int, name: bytes) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass


def _set_mode(file: int, mode: int) -> None:
    try:
        os.fchmod(file, mode)
    except PermissionError:
        pass  # a folder of somebody else's that was there


def _set_time(file: int, mtime: float) -> None:
    try:
        os.utime(file, (mtime, mtime))
    except (OSError, OverflowError, ValueError):
        pass  # somebody else's folder, or a time the disk can't keep
