"""Arrays on disk for the time of one process: what is read again and again but need not be held."""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.errors import PlatformError
from container_toolkit.machine.size import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ALIGNED = 64  # bytes: every array begins at a multiple, in the file and in the buffer
_IN_MEMORY = {"tmpfs", "ramfs"}  # what is written there counts as memory, as it should


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where one array lies: `offset` and `size` in bytes."""

    offset: int
    size: int
    shape: tuple[int, ...]
    dtype: str


class Spool:
    """A temporary file without a name: it is gone with the process, however that ends.

    Reading goes through the page cache, which the kernel takes back when memory runs short, and
    into a buffer of the caller's; a mapping of the file would be counted as held.
    """

    def __init__(self, folder: str) -> None:
        """Raises PlatformError when `folder` takes no files."""
        self._folder = folder
        self._size = 0
        try:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                self._fd = os.dup(file.fileno())
        except OSError as error:
            raise self._trouble("can't hold temporary files", error) from None
        self._end = weakref.finalize(self, os.close, self._fd)

    def put(self, array: NDArray[Any]) -> Stored:
        """Append `array`. Raises PlatformError when the disk is full or broken."""
        array = np.ascontiguousarray(array)
        offset = -(-self._size // _ALIGNED) * _ALIGNED
        data = array.reshape(-1).view(np.uint8).data
        self._size = offset + len(data)
        try:
            while data:  # one write moves 2 GiB at most
                data = data[os.pwrite(self._fd, data, self._size - len(data)) :]
        except OSError as error:
            what = f"can't hold the {show(self._size)} of rows that don't fit in memory"
            raise self._trouble(what, error) from None
        return Stored(offset=offset, size=array.nbytes, shape=array.shape, dtype=array.dtype.str)

    def get(self, stored: Stored, buffer: NDArray[np.uint8]) -> NDArray[Any]:
        """The array, read into the first `stored.size` bytes of `buffer`, which it goes on using.

        Raises PlatformError when the disk is broken.
        """
        target = buffer[: stored.size]
        left = target.data
        try:
            while left:
                got = os.preadv(self._fd, [left], stored.offset + stored.size - len(left))
                if not got:
                    raise OSError(0, "it has become shorter")
                left = left[got:]
        except OSError as error:
            raise self._trouble("no longer gives back what was stored in it", error) from None
        return target.view(stored.dtype).reshape(stored.shape)

    def expect(self, stored: Stored) -> None:
        """Tell the kernel that this array is wanted next."""
        os.posix_fadvise(self._fd, stored.offset, stored.size, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        self._end()
        self._fd = -1

    def _trouble(self, what: str, error: OSError) -> PlatformError:
        return PlatformError(
            f"the folder {self._folder} {what}: {error.strerror}; give it room, or name another"
            " folder in TMPDIR."
        )


def aligned(size: int) -> int:
    """Bytes of a buffer that an array of `size` bytes takes, with the next one aligned too."""
    return -(-size // _ALIGNED) * _ALIGNED


def folder(settings: Mapping[str, str], *, mounts: str = "/proc/self/mountinfo") -> str:
    """The folder for temporary files: $TMPDIR, /tmp or /var/tmp, a disk where one of them is.

    A folder that is memory in truth is taken only when there is no other.
    """
    wished = settings.get("TMPDIR")
    candidates = [path for path in (wished, "/tmp", "/var/tmp") if path]  # noqa: S108
    usable = [path for path in candidates if os.access(path, os.W_OK | os.X_OK)]
    on_disk = [path for path in usable if _file_system(path, mounts) not in _IN_MEMORY]
    return next(iter([*on_disk, *usable, *candidates]))


def _file_system(path: str, mounts: str) -> str:
    """The type of the file system `path` is in; "" where that can't be told."""
    path = os.path.realpath(path)
    longest, kind = "", ""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError:
        return ""
    for line in lines:
        # id parent major:minor root point options … - type source options (proc(5))
        words, _, rest = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), words.split(" ")[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):
            longest, kind = point, rest.split(" ", 1)[0]
    return kind
