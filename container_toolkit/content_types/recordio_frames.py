"""RecordIO: a stream of frames, each `magic u32 | kind and length u32 | payload | padding to 4`.

Little endian. The length takes the low 29 bits of its word, the kind the upper three: 0 is a whole
record; 1, 2 and 3 begin, continue and end one that was split, whose payloads are joined as they
are. Nothing here knows what a payload means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

MAGIC = 0xCED7230A
HEADER = 8  # bytes
LONGEST_PAYLOAD = (1 << 29) - 1  # bytes of one frame
LONGEST_RECORD = 1 << 30  # bytes of the frames of one record: what a reader would have to hold
CHUNK = 2 << 20  # bytes taken from a stream at a time
SLACK = 16  # bytes that may be touched behind the last record
WHOLE, BEGIN, MIDDLE, END = 0, 1, 2, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """Some records: the i-th is `data[starts[i]:starts[i] + lengths[i]]`, number `first + i`.

    `data` uint8, at least SLACK bytes longer than its records, and good until the next are asked
    for. `first` is 1-based.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The whole frames at the front of a buffer: `used` bytes of it.

    `error`: what is wrong at `used`. `parts`: how many frames each record is made of, where any is
    made of several.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    used: int
    error: str = ""
    parts: NDArray[np.int64] | None = None


def records(stream: BinaryIO, name: str) -> Iterator[Records]:
    """Some MiB of records at a time, never none; one record is held whole, up to LONGEST_RECORD.

    Raises DataError naming `name` and the record where a frame is broken or cut off.
    """
    data = np.empty(CHUNK + SLACK, np.uint8)
    filled, first, ended = 0, 1, False
    while True:
        filled, ended = filled_from(stream, data, filled, ended)
        if not filled:
            return
        found = frames(data, filled)
        if not len(found.starts):
            where = f"{name} record {first}"
            if found.error or ended:
                raise DataError(f"{where}: {found.error or cut_off(data, filled)}")
            data = longer(data, where)
            continue
        yield joined(data, found, first)
        first += len(found.starts) if found.parts is None else len(found.parts)
        filled -= found.used
        data[:filled] = data[found.used : found.used + filled].copy()


def filled_from(
    stream: BinaryIO, data: NDArray[np.uint8], filled: int, ended: bool
) -> tuple[int, bool]:
    """Fill the buffer up: how much of it is data now, and whether the stream has ended."""
    room = data.data[: len(data) - SLACK]
    while not ended and filled < len(room):
        took = stream.readinto(room[filled:])  # type: ignore[attr-defined]
        filled += took or 0
        ended = not took
    return filled, ended


def longer(data: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """A larger buffer that begins alike: it grows with what has come, not with what is claimed."""
    if len(data) > LONGEST_RECORD:
        raise DataError(f"{where}: it is over {LONGEST_RECORD >> 20} MiB long; split the record.")
    larger = np.empty(2 * len(data), np.uint8)
    larger[: len(data)] = data
    return larger


def cut_off(data: NDArray[np.uint8], filled: int) -> str:
    """What to say of a stream whose last bytes are no whole record."""
    if filled < HEADER:
        return f"the file ends {filled} bytes into a header of {HEADER}; it was cut off."
    kind, length = divmod(int(data[4:8].view("<u4")[0]), 1 << 29)
    if HEADER + length + -length % 4 <= filled:
        return f"its first part (kind {kind}) is there, but the file ends before its last."
    return (
        f"its header says {length} bytes, padded to a multiple of 4, but the file ends after"
        f" {filled - HEADER}; it was cut off."
    )


def frames(data: NDArray[np.uint8], filled: int) -> Found:
    """The frames at the front of `data[:filled]`, the fastest way of finding them first."""
    words = data[: filled & ~3].view("<u4")
    if len(words) < 2 or words[0] != MAGIC:
        return walked(words, filled)
    found = equal_frames(words, filled)
    if found is None:
        found = marked_frames(words, filled)
    return found or walked(words, filled)


def equal_frames(words: NDArray[np.uint32], filled: int) -> Found | None:
    """Whole records that are all as long as the first, if they are most of the data."""
    length = int(words[1])
    stride = HEADER + length + -length % 4
    count = filled // stride
    if length > LONGEST_PAYLOAD or count < 2:
        return None
    heads = as_strided(words, (count, 2), (stride, 4))
    equal = (heads[:, 0] == MAGIC) & (heads[:, 1] == length)
    run = count if equal.all() else int(np.argmin(equal))
    if run * stride < filled // 2:
        return None
    starts = np.arange(HEADER, HEADER + run * stride, stride, dtype=np.int64)
    return Found(starts=starts, lengths=np.full(run, length, np.int64), used=run * stride)


def marked_frames(words: NDArray[np.uint32], filled: int) -> Found | None:
    """Whole records of any length, if no payload has the magic number among its words."""
    at = np.flatnonzero(words[:-1] == MAGIC).astype(np.int64)
    heads = words[at + 1].astype(np.int64)
    after = 4 * at + HEADER + (heads + 3 & ~3)
    if (heads > LONGEST_PAYLOAD).any() or (after[:-1] != 4 * at[1:]).any():
        return None
    count = len(at) if after[-1] <= filled else len(at) - 1
    used = int(after[count - 1]) if count else 0
    return Found(starts=4 * at[:count] + HEADER, lengths=heads[:count], used=used)


def walked(words: NDArray[np.uint32], filled: int) -> Found:
    """One header after the other, up to the first record that is not whole or not right."""
    header = words.data
    found: list[tuple[int, int]] = []
    parts: list[int] = []
    used = at = open_parts = 0
    error = ""
    while at + HEADER <= filled:
        magic, (kind, length) = header[at // 4], divmod(header[at // 4 + 1], 1 << 29)
        error = wrong(magic, kind, open_parts)
        after = at + HEADER + length + -length % 4
        if error or after > filled:
            break
        found.append((at + HEADER, length))
        open_parts += 1
        at = after
        if kind in (WHOLE, END):
            parts.append(open_parts)
            used, open_parts = at, 0
    whole = np.array(found[: len(found) - open_parts], np.int64).reshape(-1, 2)
    split = np.array(parts, np.int64) if len(parts) < len(whole) else None
    return Found(starts=whole[:, 0], lengths=whole[:, 1], used=used, error=error, parts=split)


def wrong(magic: int, kind: int, open_parts: int) -> str:
    """What is wrong with a header, "" if nothing is; `open_parts` of its record came before it."""
    part = f"part {open_parts + 1} of it" if open_parts else "it"
    if magic != MAGIC:
        return (
            f"{part} begins with {magic:#010x}, not with RecordIO's {MAGIC:#010x}; the data is"
            " damaged, or another content type."
        )
    if kind > END:
        return f"{part} is of kind {kind}, but RecordIO has kinds 0 to {END} only."
    if (kind in (MIDDLE, END)) != (open_parts > 0):
        return f"{part} is of kind {kind}, but a record is one of kind 0, or 1, then 2s, then 3."
    return ""


def joined(data: NDArray[np.uint8], found: Found, first: int) -> Records:
    """Records as they lie there, or, where some were split, copied one behind the other."""
    if found.parts is None:
        return Records(data=data, starts=found.starts, lengths=found.lengths, first=first)
    spans = zip(found.starts.tolist(), found.lengths.tolist(), strict=True)
    pieces = [data[start : start + length] for start, length in spans]
    ends = np.cumsum(found.lengths)[np.cumsum(found.parts) - 1]
    starts = np.concatenate([[0], ends[:-1]])
    whole = np.concatenate([*pieces, np.zeros(SLACK, np.uint8)])
    return Records(data=whole, starts=starts, lengths=ends - starts, first=first)
