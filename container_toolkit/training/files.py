"""A folder's files under the eyes of somebody who does not know who writes them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class State(NamedTuple):
    """What tells one content of a file from another: any write, and any rename, changes it."""

    inode: int
    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds; a rename counts

    @classmethod
    def of(cls, found: os.stat_result) -> State:
        return cls(
            inode=found.st_ino,
            size=found.st_size,
            modified=found.st_mtime_ns,
            changed=found.st_ctime_ns,
        )


class Changed(Exception):
    """The file is no longer what it was when it was looked at."""


def look(folder: str) -> dict[str, State]:
    """Every regular file below `folder` by its path in it; links are not followed."""
    found: dict[str, State] = {}
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            entries = os.scandir(os.path.join(folder, below))
        except OSError:
            continue  # it may be gone
        with entries:
            for entry in entries:
                name = os.path.join(below, entry.name)
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif entry.is_file(follow_symlinks=False):
                        found[name] = State.of(entry.stat(follow_symlinks=False))
                except OSError:
                    continue
    return found


def is_being_written(path: str) -> bool:
    """Whether anybody has the file open for writing.

    The kernel knows: it grants a read lease only where nobody has (fcntl(2)). Where it grants none
    at all, as on a network's file system or for another user's file, False.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


class Steady:
    """A file that is read only as long as it is in the `state` it was looked at in.

    Opening and reading raise Changed when it is not, FileNotFoundError when it is gone; `changed`
    remembers that, for whoever gets to see another exception in its place.
    """

    def __init__(self, path: str, state: State) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        self._file = open(descriptor, "rb")  # noqa: SIM115 - closed by whoever entered us
        self._state = state
        self.changed = False
        try:
            self._check()
        except Changed:
            self._file.close()
            raise

    def __enter__(self) -> Steady:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._check()
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def _check(self) -> None:
        found = os.fstat(self._file.fileno())
        if not stat.S_ISREG(found.st_mode) or State.of(found) != self._state:
            self.changed = True
            raise Changed
