"""`GzipStream`: one gzip member, compressed by a few threads, in bounded memory.

The stream is cut into chunks that are deflated independently, each ended at a byte boundary
(Z_SYNC_FLUSH), and joined. The result is one member, not one per chunk: tarfile of Python 3.11
never returns from a stream of several members opened as `r|gz`.
"""

from __future__ import annotations

import errno
import os

from container_toolkit.errors import PlatformError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queue import SimpleQueue
    from threading import Thread
    from types import ModuleType
    from typing import TypeAlias

    Parts: TypeAlias = list[bytes | memoryview]
    Result: TypeAlias = SimpleQueue[Parts | BaseException]
    Work: TypeAlias = SimpleQueue[tuple[memoryview, Result] | None]

CHUNK = 256 << 10  # bytes; larger ones are a little faster and take memory, a few times each
# Magic, deflate, no flags, mtime 0, no extra flags, OS unknown (RFC 1952, 2.3).
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
LAST_BLOCK = b"\x03\x00"  # an empty deflate block with the final bit set
STORED_BLOCK = 65535  # the length of a stored block is 16 bits wide (RFC 1951, 3.2.4)
SAMPLE = 4096
# Random floats shrink by 7 %, and packing them would take isal twice as long, zlib seven times.
STORED_FROM = 0.9


class Compressor(Value):
    """What deflates: a module like zlib, and its level."""

    zlib: ModuleType
    level: int


class GzipStream:
    """A gzip file under way on the open file `fd`; `archive` is its name in errors.

    `finish` writes its end, `stop` ends the threads and is due in any case. Each method that
    writes raises PlatformError when the archive can't be written.
    """

    def __init__(self, fd: int, archive: str, *, threads: int) -> None:
        self.written = 0
        self._fd = fd
        self._archive = archive
        self._compressor = _best_compressor()
        self._crc = 0
        self._size = 0
        self._chunk = bytearray(CHUNK)
        self._filled = 0
        self._spare: list[bytearray] = []
        self._pending: list[tuple[bytearray, Result]] = []
        self._put([HEADER])
        self._work, self._threads = _start_threads(threads, self._compressor)

    def write(self, data: bytes) -> None:
        """Add `data`."""
        start = 0
        while start < len(data):
            part = data[start : start + CHUNK - self._filled]
            self._chunk[self._filled : self._filled + len(part)] = part
            self._advance(len(part))
            start += len(part)

    def copy(self, source: int, size: int) -> int:
        """Add the next `size` bytes of the open file `source`; returns how many there were.

        Raises OSError when `source` can't be read.
        """
        left = size
        while left:
            with memoryview(self._chunk)[self._filled : self._filled + left] as room:
                count = os.readv(source, [room])
            if not count:
                break
            self._advance(count)
            left -= count
        return size - left

    def finish(self) -> None:
        """Write what is pending, and the end of the member."""
        if self._filled:
            self._submit()
        while self._pending:
            self._collect()
        length = (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        self._put([LAST_BLOCK, self._crc.to_bytes(4, "little"), length])

    def stop(self) -> None:
        """End the threads."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _advance(self, count: int) -> None:
        self._filled += count
        if self._filled == CHUNK:
            self._submit()

    def _submit(self) -> None:
        """Hand the chunk over to be deflated, and wait only when enough of them are under way."""
        from queue import SimpleQueue

        chunk = memoryview(self._chunk)[: self._filled]
        self._crc = self._compressor.zlib.crc32(chunk, self._crc)
        self._size += len(chunk)
        result: Result = SimpleQueue()
        self._pending.append((self._chunk, result))
        if self._threads:
            self._work.put((chunk, result))
        else:
            result.put(_deflate(chunk, self._compressor))
        if len(self._pending) > len(self._threads) + 1:
            self._collect()
        self._chunk = self._spare.pop() if self._spare else bytearray(CHUNK)
        self._filled = 0

    def _collect(self) -> None:
        """Write the oldest chunk under way; its buffer is free again."""
        chunk, result = self._pending.pop(0)
        parts = result.get()
        if isinstance(parts, BaseException):
            raise parts
        self._put(parts)
        self._spare.append(chunk)

    def _put(self, parts: Parts) -> None:
        try:
            self.written += _write_all(self._fd, parts)
        except OSError as error:
            raise unwritable(self._archive, error) from error


def unwritable(archive: str, error: OSError) -> PlatformError:
    """The error for an archive that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "free some space there, or choose another folder"
    else:
        remedy = "make its folder writable, or choose another one"
    return PlatformError(f"{archive} can't be written ({error.strerror}): {remedy}")


def _best_compressor() -> Compressor:
    """isal where it is installed: many times faster than zlib, at nearly the same size."""
    try:
        from isal import isal_zlib
    except ImportError:
        import zlib

        # Level 6 takes nearly twice as long, and saves a tenth of text and nothing of weights.
        return Compressor(zlib=zlib, level=3)
    return Compressor(zlib=isal_zlib, level=1)


def _start_threads(count: int, compressor: Compressor) -> tuple[Work, list[Thread]]:
    """Up to `count` threads; none where the machine gives us none, which only costs time."""
    from queue import SimpleQueue
    from threading import Thread

    work: Work = SimpleQueue()
    threads = []
    try:
        for _ in range(count):
            thread = Thread(target=_deflate_all, args=(work, compressor), daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:
        pass
    return work, threads


def _deflate_all(work: Work, compressor: Compressor) -> None:
    while item := work.get():
        chunk, result = item
        try:
            result.put(_deflate(chunk, compressor))
        except BaseException as error:  # the main thread raises it
            result.put(error)
        del item, chunk, result


def _deflate(chunk: memoryview, compressor: Compressor) -> Parts:
    """`chunk` as deflate blocks that end at a byte boundary, none of them the last."""
    if _is_dense(chunk, compressor):
        return _stored(chunk)
    return _compressed(chunk, compressor.zlib, compressor.level)


def _is_dense(chunk: memoryview, compressor: Compressor) -> bool:
    """Whether deflating three samples of the chunk saves less than a tenth of them."""
    if len(chunk) < 16 * SAMPLE:
        return False
    starts = [len(chunk) * sixth // 6 for sixth in (1, 3, 5)]
    samples = [chunk[start : start + SAMPLE] for start in starts]
    sizes = (sum(map(len, _compressed(sample, compressor.zlib, 1))) for sample in samples)
    return sum(sizes) >= STORED_FROM * SAMPLE * len(samples)


def _compressed(chunk: memoryview, zlib: ModuleType, level: int) -> Parts:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
    return [deflater.compress(chunk), deflater.flush(zlib.Z_SYNC_FLUSH)]


def _stored(chunk: memoryview) -> Parts:
    """Stored blocks around slices of the chunk itself: nothing is copied."""
    parts: Parts = []
    for start in range(0, len(chunk), STORED_BLOCK):
        block = chunk[start : start + STORED_BLOCK]
        length = len(block)
        head = b"\x00" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
        parts += [head, block]
    return parts


def _write_all(fd: int, parts: Parts) -> int:
    """Write all `parts`, however few bytes a call takes; returns their size."""
    size = sum(map(len, parts))
    left = size
    while left:
        count = os.writev(fd, parts)
        left -= count
        while parts and count >= len(parts[0]):
            count -= len(parts.pop(0))
        if count:
            parts[0] = memoryview(parts[0])[count:]
    return size
