"""A stream of text as blocks of whole lines, for the codecs that have a row a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK = 4 << 20  # bytes: large enough for numpy to pay, small beside any model
LONGEST_LINE = 256 << 20  # bytes; without an end the memory for one line would have none either
BOM = b"\xef\xbb\xbf"
NEWLINE = 10  # the byte; numpy counts them several times faster than bytes do


def line_blocks(
    stream: BinaryIO, name: str, block: int = BLOCK, longest: int = LONGEST_LINE
) -> Iterator[tuple[int, bytes]]:
    """Yields (number of the first line, from 1; whole lines, each ending in a newline).

    The last line may lack its newline in the stream; a byte order mark before the first is no part
    of it. Raises DataError for a line of more than `longest` bytes.
    """
    line = 1
    held: list[bytes] = []
    size = 0
    for chunk in chunks(stream, block):
        # A chunk that is not full is the last: its end is that of its last line.
        cut = len(chunk) if len(chunk) < block else chunk.rfind(b"\n") + 1
        first = chunk.find(b"\n")
        if size + (first if first >= 0 else len(chunk)) > longest:
            raise DataError(
                f"{name} line {line} is over {longest >> 20} MiB long; is it a text file?"
            )
        if cut:
            lines = ended(b"".join([*held, chunk[:cut]]), line)
            held, size = [], 0
            if lines:
                yield line, lines
            line += int(np.count_nonzero(np.frombuffer(lines, np.uint8) == NEWLINE))
        if cut < len(chunk):
            held.append(chunk[cut:])
            size += len(chunk) - cut
    if held and (lines := ended(b"".join(held), line)):
        yield line, lines


def chunks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Full chunks but for the last: a pipe gives what it has, which may be a few bytes."""
    parts: list[bytes] = []
    have = 0
    while part := stream.read(size - have):
        parts.append(part)
        have += len(part)
        if have == size:
            yield parts[0] if len(parts) == 1 else b"".join(parts)
            parts, have = [], 0
    if parts:
        yield b"".join(parts)


def ended(lines: bytes, line: int) -> bytes:
    """Without the byte order mark before line 1, and with the newline after the last."""
    if line == 1:
        lines = lines.removeprefix(BOM)
    return lines + b"\n" if lines and not lines.endswith(b"\n") else lines
