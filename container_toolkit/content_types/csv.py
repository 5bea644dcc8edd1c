"""text/csv: the labels, a weight if there is one, the features; a row a line, numbers only.

An empty cell is a missing feature, and the one spelling of it; anything else that is no finite
float32 is an error, and so is a blank line before the last row. Rows are counted from 1 as an
editor counts lines, a header among them. Numbers are rounded to float32 once, from their text.

Parameters of the media type: `header=present` (row 1 is skipped) or `absent`; `missing=WORD`, a
further spelling of a missing feature (nan in any case of letters); `delimiter`, one character or
one of the words comma, semicolon, tab, space and pipe. Nothing is guessed.

Arrow reads all but small data where pyarrow is installed; without it, or where it might be too
lenient, Python does, as strictly and more slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.csv_arrow import WIDEST, ArrowReader
from container_toolkit.content_types.csv_cells import blank
from container_toolkit.content_types.csv_first_row import layout_of
from container_toolkit.content_types.csv_layout import PARAMETERS, dialect_of
from container_toolkit.content_types.csv_text import read_text
from container_toolkit.content_types.csv_writing import write
from container_toolkit.content_types.line_blocks import line_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.codec import Reading
    from container_toolkit.content_types.csv_layout import Layout

BLOCK = 8 << 20  # bytes of text; in memory together with its batch, and Arrow's table of it
LONGEST_LINE = 64 << 20  # bytes; 64 for each of the most columns
SMALL = 16 << 10  # bytes that Python reads in less time than Arrow takes to start


def read(
    stream: BinaryIO, name: str, reading: Reading, block: int = BLOCK, small: int = SMALL
) -> Iterator[Batch]:
    """Dense batches, each of a block's rows; labels are (rows,) where `label_size` is 1.

    Raises DataError naming row and column, ConfigError for parameters that make no sense.
    """
    dialect = dialect_of(name, reading.parameters)
    blocks: Blocks | None = None
    blank_row = 0
    for first, lines in line_blocks(stream, name, block, LONGEST_LINE):
        kept = without_blank_end(lines)
        if kept and blank_row:
            raise blank(blank_row, dialect)
        if len(kept) < len(lines):
            blank_row = blank_row or first + count(kept)
        if kept and blocks is None:
            line, following = first_lines(kept)
            blocks = Blocks(layout_of(line, first, following, dialect, reading), small)
            if dialect.header:
                first, kept = first + 1, kept[len(line) + 1 :]
        if kept and blocks is not None:
            yield blocks.decode(kept, first)


class Blocks:
    """Decodes the blocks of one stream: `small` ones without Arrow."""

    def __init__(self, layout: Layout, small: int) -> None:
        self.layout = layout
        self.small = small
        self.arrow: ArrowReader | None = None

    def decode(self, lines: bytes, first: int) -> Batch:
        rows = count(lines)
        fit = len(lines) > self.small and self.layout.columns <= WIDEST
        batch = self.read_by_arrow(lines, rows) if fit else None
        return read_text(lines, rows, first, self.layout) if batch is None else batch

    def read_by_arrow(self, lines: bytes, rows: int) -> Batch | None:
        try:
            self.arrow = self.arrow or ArrowReader(self.layout)
        except ModuleNotFoundError:
            return None
        return self.arrow.read(lines, rows)


def count(lines: bytes) -> int:
    """Rows; bytes.count takes five times as long."""
    return int(np.count_nonzero(np.frombuffer(lines, np.uint8) == ord("\n")))


def without_blank_end(lines: bytes) -> bytes:
    if not lines.endswith((b"\n\n", b"\n\r\n")) and lines not in (b"\n", b"\r\n"):
        return lines
    text = lines.rstrip(b"\r\n")
    end = lines.find(b"\n", len(text)) + 1 if text else 0
    return lines[:end]


def first_lines(lines: bytes) -> tuple[bytes, bytes]:
    """The first two, without their newlines; the second is empty where there is none."""
    end = lines.find(b"\n")
    return lines[:end], lines[end + 1 : max(end, lines.find(b"\n", end + 1))]


CODEC = Codec(media_type="text/csv", read=read, write=write, parameters=PARAMETERS)
