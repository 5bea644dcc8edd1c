"""Reading a tar that nobody vouches for: its bytes, counted, and its members, one after another.

tarfile is not asked to read it: at a broken header in the middle it ends as if the archive ended
there, it takes a member's word for how much memory to use, and it differs between Pythons. It
only takes the 512 bytes of one header apart.
"""

from __future__ import annotations

import os
import stat

from container_toolkit.errors import ArchiveError, PlatformError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Protocol, TypeAlias

    class Stream(Protocol):
        def read(self, size: int, /) -> bytes: ...
        def tell(self) -> int: ...

    Errors: TypeAlias = tuple[type[Exception], ...]

BLOCK = 512
PIECE = 1 << 20
MOST_HEADER = 1 << 16  # bytes of one extended header or long name; paths end at 4,096
HEEDED = (b"path", b"linkpath", b"size", b"mtime")  # the keys of extended headers that matter
MOST_TRAILING = 16 << 20  # bytes of zeros after the end marker; tar writes less than a record
# A small archive may grow as it likes; beyond this, no source code or model is that repetitive.
RATIO_FROM = 256 << 20
MOST_RATIO = 200


class Member(Value):
    """One entry of a tar. `kind` is its type flag; `name` and `target` are as written there."""

    name: bytes
    kind: bytes
    size: int
    mode: int
    mtime: float
    target: bytes


class TarReader:
    """The members of the tar, tar.gz, tar.bz2 or tar.xz at `archive`, told by its content.

    `members` can be read any number of times, always from the same open file. Raises ArchiveError
    when the file is not such an archive, is broken or cut short, or has more than `most_bytes` of
    content, and PlatformError when the disk can't be read.
    """

    def __init__(self, archive: str, *, most_bytes: int) -> None:
        self.archive = archive
        self._most_bytes = most_bytes
        self._file = _open(archive)
        self._packed_size = os.fstat(self._file.fileno()).st_size
        self._stream: Stream = self._file
        self._errors: Errors = ()  # what reading broken data raises
        self._started = False  # whether a first header made sense
        self._content = 0  # bytes of content so far
        self._left = 0  # bytes of the current member that nobody has read yet

    def close(self) -> None:
        self._file.close()

    def members(self) -> Iterator[Member]:
        """Each member in turn; `content` is the current one's."""
        self._stream, self._errors = self._decompressed()
        self._started = False
        self._content = 0
        shared: dict[bytes, bytes] = {}
        while (member := self._next(shared)) is not None:
            self._content += member.size
            if self._content > self._most_bytes:
                raise self.broken(f"unpacks to more than {self._most_bytes} bytes")
            self._left = member.size
            yield member
            for _ in self.content():
                pass
            self._exactly(-member.size % BLOCK)
        self._check_rest()

    def content(self) -> Iterator[bytes]:
        """What is left of the current member's content, in pieces."""
        while self._left:
            piece = self._exactly(min(self._left, PIECE))
            self._left -= len(piece)
            yield piece

    def broken(self, what: str) -> ArchiveError:
        """The error that says `what` is the matter with this archive."""
        return ArchiveError(f"{self.archive} {what}: create the archive again and replace this one")

    def _decompressed(self) -> tuple[Stream, Errors]:
        """The bytes of the tar, from its start, and what reading broken ones raises."""
        self._file.seek(0)
        head = self._file.read(BLOCK)
        self._file.seek(0)
        if not head:
            raise self.broken("is empty")
        try:
            return _decompressor(head, self._file)
        except ImportError as error:
            raise ArchiveError(
                f"{self.archive} can't be read by this Python, which has no {error.name}: "
                "create it again as .tar.gz"
            ) from error

    def _next(self, shared: dict[bytes, bytes]) -> Member | None:
        """The next member, with what the extended headers before it say; None at the end."""
        own: dict[bytes, bytes] = {}
        extended = 0
        while True:
            head = self._exactly(BLOCK)
            if head == bytes(BLOCK):
                return None
            member = self._header(head)
            self._started = True
            if member.kind not in b"xXgLK":
                return self._completed(member, shared | own)
            extended += 1
            if member.size > MOST_HEADER or extended > 8:
                raise self.broken("holds an extended header that is too long")
            data = self._exactly(member.size)
            self._exactly(-member.size % BLOCK)
            if member.kind in b"LK":
                own[b"path" if member.kind == b"L" else b"linkpath"] = data.rstrip(b"\0")
            else:
                (shared if member.kind == b"g" else own).update(self._records(data))

    def _header(self, head: bytes) -> Member:
        import tarfile

        try:
            entry = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        except (tarfile.TarError, ValueError, OverflowError) as error:
            what = (
                "has a broken header" if self._started else "is not a tar, or broken at its start"
            )
            raise self.broken(what) from error
        if entry.size < 0:
            raise self.broken("holds a member of negative size")
        kind = entry.type
        if kind in (tarfile.AREGTYPE, tarfile.CONTTYPE):
            kind = tarfile.REGTYPE
        return Member(
            name=entry.name.encode("utf-8", "surrogateescape"),
            kind=kind,
            size=entry.size,
            mode=entry.mode,
            mtime=entry.mtime,
            target=entry.linkname.encode("utf-8", "surrogateescape"),
        )

    def _records(self, data: bytes) -> dict[bytes, bytes]:
        """What we heed of an extended header: `LENGTH KEY=VALUE\\n`, LENGTH counting all of it."""
        records = {}
        start, stop = 0, len(data.rstrip(b"\0"))
        while start < stop:
            length, space, _ = data[start : start + 8].partition(b" ")
            end = start + int(length) if length.isdigit() else start
            body = data[start + len(length) + 1 : end - 1]
            key, equals, value = body.partition(b"=")
            if not (space and equals) or data[end - 1 : end] != b"\n":
                raise self.broken("has a broken extended header")
            if key.startswith(b"GNU.sparse."):
                raise self.broken("holds a sparse file, which only GNU tar can unpack")
            if key in HEEDED:
                records[key] = value
            start = end
        return records

    def _completed(self, member: Member, records: dict[bytes, bytes]) -> Member:
        size = records.get(b"size", b"%d" % member.size)
        if not size.isdigit() or len(size) > 20:
            raise self.broken("holds a member of no known size")
        return Member(
            name=records.get(b"path", member.name),
            kind=member.kind,
            # Only a file has content; some tars give the size of what a link points to.
            size=int(size) if member.kind not in b"123456" else 0,
            mode=member.mode,
            mtime=_seconds(records.get(b"mtime"), member.mtime),
            target=records.get(b"linkpath", member.target),
        )

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) < size:
            raise self.broken("is cut short")
        return data

    def _read(self, size: int) -> bytes:
        """The next `size` bytes of the tar, fewer only at its end."""
        try:
            data = self._stream.read(size)
            unpacked = self._stream.tell()
        except self._errors as error:
            raise self.broken(f"is broken or cut short ({error})") from error
        except OSError as error:
            if error.errno is None:  # gzip and bz2 say so that the data is broken
                raise self.broken(f"is broken or cut short ({error})") from error
            raise PlatformError(f"{self.archive} can't be read: {error.strerror}") from error
        if unpacked > RATIO_FROM and unpacked > MOST_RATIO * self._packed_size:
            raise self.broken(f"unpacks to more than {MOST_RATIO} times its own size")
        return data

    def _check_rest(self) -> None:
        """Read on to the end, which holds the checksum: only zeros may follow the end marker."""
        rest = 0
        while piece := self._read(PIECE):
            rest += len(piece)
            if piece.strip(b"\0") or rest > MOST_TRAILING:
                raise self.broken("goes on after its end")


def _open(archive: str) -> BinaryIO:
    try:
        # O_NONBLOCK: what is no file is refused below, and not waited for here.
        fd = os.open(archive, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ArchiveError(
            f"{archive} can't be opened ({error.strerror}): check its path and its permissions"
        ) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ArchiveError(f"{archive} is not a file: name the archive itself")
    return os.fdopen(fd, "rb", PIECE)


def _decompressor(head: bytes, file: BinaryIO) -> tuple[Stream, Errors]:
    if head[257:262] == b"ustar":  # a tar whose first name looks like one of the others' magic
        return file, ()
    if head.startswith(b"\x1f\x8b"):
        import gzip
        import zlib

        return gzip.GzipFile(fileobj=file), (EOFError, zlib.error)
    if head.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(file), (EOFError, ValueError)
    if head.startswith(b"\xfd7zXZ\0"):
        import lzma

        return lzma.LZMAFile(file), (EOFError, lzma.LZMAError)
    return file, ()


def _seconds(text: bytes | None, otherwise: float) -> float:
    """An extended header's time, `otherwise` when it has none that makes sense."""
    try:
        return float(text or b"")
    except ValueError:
        return otherwise
