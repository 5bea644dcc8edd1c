"""`pack`: the contents of a folder as one tar.gz, whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

from container_toolkit.archive.gzip_stream import GzipStream, unwritable
from container_toolkit.errors import PlatformError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 512
RECORD = 20 * BLOCK  # a tar is padded to whole records of 20 blocks (POSIX, pax)
MOST_THREADS = 4


class Packed(Value):
    """What was packed: `files` (with links), bytes `read` from them, bytes `written`."""

    files: int
    read: int
    written: int


def pack(
    folder: str,
    archive: str,
    *,
    leave_out: Callable[[str], bool] | None = None,
    threads: int | None = None,
) -> Packed:
    """Write the contents of `folder` to the tar.gz `archive`, which appears only once complete.

    PAX format, no entry for the folder itself, names without `./`, sorted in each folder by their
    bytes, uid and gid 0, no user names. Symbolic links stay links, hard links become files; FIFOs,
    sockets and devices are left out, and so are `archive` itself, what broken-off runs left of it,
    and each path, relative to `folder`, for which `leave_out` is true (of a folder: with all it
    holds). A file that vanishes before it is read is left out; of one that grows, what it held
    when it was opened is taken.

    Raises PlatformError when `archive` can't be written, a file can't be read, or a file shrinks
    while it is read. Nothing new is left on the disk then, and an older `archive` is as it was.
    """
    place, name = os.path.split(os.path.abspath(archive))
    partial = os.path.join(place, f".{name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    keep = _kept(folder, place, name, leave_out)
    fd = -1
    try:
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        packed = _write(folder, keep, GzipStream(fd, archive, threads=threads or _threads()))
        _publish(fd, partial, os.path.join(place, name))
    except OSError as error:
        raise unwritable(archive, error) from error
    finally:
        _discard(fd, partial)
    return packed


def _kept(
    folder: str, place: str, name: str, leave_out: Callable[[str], bool] | None
) -> Callable[[str], bool]:
    """Which paths are packed when the archive `name` in the folder `place` is being written."""
    ours = os.path.relpath(os.path.realpath(place), os.path.realpath(folder))
    prefix = "" if ours == os.curdir else ours + os.sep

    def keep(path: str) -> bool:
        if path == prefix + name:
            return False
        if path.startswith(f"{prefix}.{name}.") and path.endswith(".partial"):
            return False
        return leave_out is None or not leave_out(path)

    return keep


def _threads() -> int:
    return min(MOST_THREADS, len(os.sched_getaffinity(0)))


def _write(folder: str, keep: Callable[[str], bool], stream: GzipStream) -> Packed:
    """Write the whole tar to `stream`."""
    files = read = size = 0
    try:
        for path, found in _entries(folder, keep):
            if stat.S_ISREG(found.st_mode):
                count, content = _add_file(folder, path, stream)
                files += count > 0
                size += count
                read += content
                continue
            target = _target(folder, path) if stat.S_ISLNK(found.st_mode) else ""
            header = _header(path, found, target)
            stream.write(header)
            files += bool(target)
            size += len(header)
        end = 2 * BLOCK
        stream.write(bytes(end + -(size + end) % RECORD))
        stream.finish()
    finally:
        stream.stop()
    return Packed(files=files, read=read, written=stream.written)


def _entries(folder: str, keep: Callable[[str], bool]) -> Iterator[tuple[str, os.stat_result]]:
    """Every entry to pack, a folder before what it holds, each folder in the order of bytes."""
    levels = [iter(_listing(folder, ""))]
    while levels:
        path = next(levels[-1], None)
        if path is None:
            levels.pop()
            continue
        if not keep(path):
            continue
        try:
            found = os.lstat(os.path.join(folder, path))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(folder, path, error) from error
        if stat.S_ISDIR(found.st_mode):
            yield path, found
            levels.append(iter(_listing(folder, path)))
        elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            yield path, found


def _listing(folder: str, path: str) -> list[str]:
    """The paths, relative to `folder`, of what its sub-folder `path` holds."""
    try:
        names = os.listdir(os.path.join(folder, path))
    except FileNotFoundError as error:
        if not path:
            raise _unreadable(folder, path, error) from error
        return []
    except OSError as error:
        raise _unreadable(folder, path, error) from error
    return [os.path.join(path, name) for name in sorted(names, key=os.fsencode)]


def _add_file(folder: str, path: str, stream: GzipStream) -> tuple[int, int]:
    """Add a file; returns the bytes it takes in the tar, and those of its content.

    (0, 0) when it is gone, or has become something else, since its folder was listed.
    """
    # O_NONBLOCK: opening what has become a FIFO must not wait for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        source = os.open(os.path.join(folder, path), flags)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            return 0, 0
        raise _unreadable(folder, path, error) from error
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode):
            return 0, 0
        header = _header(path, found, "")
        stream.write(header)
        count = stream.copy(source, found.st_size)
    except OSError as error:
        raise _unreadable(folder, path, error) from error
    finally:
        os.close(source)
    if count < found.st_size:
        raise PlatformError(
            f"{_shown(folder, path)} shrank from {found.st_size} to {count} bytes while it "
            "was packed: pack when nothing writes to the folder any more"
        )
    padding = -count % BLOCK
    stream.write(bytes(padding))
    return len(header) + count + padding, count


def _target(folder: str, path: str) -> str:
    try:
        return os.readlink(os.path.join(folder, path))
    except OSError as error:
        raise _unreadable(folder, path, error) from error


def _header(path: str, found: os.stat_result, target: str) -> bytes:
    import tarfile

    # A name is bytes, whatever the locale; tarfile writes those that aren't UTF-8 as they are.
    entry = tarfile.TarInfo(os.fsencode(path).decode("utf-8", "surrogateescape"))
    entry.mode = stat.S_IMODE(found.st_mode)
    entry.mtime = int(found.st_mtime)
    if stat.S_ISDIR(found.st_mode):
        entry.type = tarfile.DIRTYPE
    elif target:
        entry.type = tarfile.SYMTYPE
        entry.linkname = os.fsencode(target).decode("utf-8", "surrogateescape")
    else:
        entry.size = found.st_size
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _unreadable(folder: str, path: str, error: OSError) -> PlatformError:
    return PlatformError(
        f"{_shown(folder, path)} can't be packed ({error.strerror}): "
        "check that it is there and that this user may read it"
    )


def _shown(folder: str, path: str) -> str:
    """A path for a message: on one line, and in characters that can be printed."""
    whole = os.path.join(folder, path) if path else folder
    return whole if whole.isprintable() else ascii(whole)


def _publish(fd: int, partial: str, archive: str) -> None:
    """Give the finished file its name, so that even a power cut leaves it whole or absent."""
    os.fsync(fd)
    os.rename(partial, archive)
    place = os.open(os.path.dirname(archive), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _discard(fd: int, partial: str) -> None:
    """Close the temporary file, and remove it unless it has got its name."""
    if fd >= 0:
        os.close(fd)
    try:
        os.unlink(partial)
    except OSError:
        pass
