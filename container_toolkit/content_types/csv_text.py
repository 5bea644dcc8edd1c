"""CSV by Python alone, some hundred KiB at a time: for small data, and where Arrow has a doubt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.csv_cells import (
    BEYOND,
    HALFWAY,
    LEAST_NORMAL,
    LOST,
    read_cells,
    rounded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Batch, Floats
    from container_toolkit.content_types.csv_layout import Dialect, Layout

PIECE = 256 << 10  # bytes; a Python object for each cell of more would be tens of MiB
NUMERIC = "0123456789+-.eE \t\n"


def read_text(lines: bytes, rows: int, first: int, layout: Layout) -> Batch:
    """`rows` whole lines, the first of which is row `first` of the stream.

    Raises DataError naming row and column.
    """
    batch = layout.empty(rows)
    done = 0
    for piece in pieces(lines):
        cells = read_piece(piece, layout)
        if cells is None:
            cells = read_cells(piece.split(b"\n")[:-1], first + done, layout)
        layout.fill(batch, done, cells)
        done += len(cells)
    return batch


def pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, at least one at a time."""
    at = 0
    while at < len(lines):
        end = len(lines) if at + PIECE >= len(lines) else lines.rfind(b"\n", at, at + PIECE) + 1
        end = end if end > at else lines.find(b"\n", at) + 1
        yield lines[at:end]
        at = end


def read_piece(lines: bytes, layout: Layout) -> Floats | None:
    """(rows, columns), or None where anything is not plainly right."""
    text = plain(lines, layout)
    if text is None:
        return None
    delimiter = layout.dialect.delimiter
    rows = text.split("\n")
    rows.pop()
    if any(row.count(delimiter) != layout.columns - 1 for row in rows):
        return None
    cells = text[:-1].replace("\n", delimiter).split(delimiter)
    missing = layout.dialect.missing
    try:
        numbers = [np.nan if cell in missing else float(cell) for cell in cells]
    except ValueError:
        return None
    values = narrowed(np.array(numbers, np.float64), cells)
    absent = np.flatnonzero(np.isnan(values))
    if np.isinf(values).any() or any(cells[at] not in missing for at in absent.tolist()):
        return None
    table = values.reshape(len(rows), layout.columns)
    beside = table[:, : layout.first_feature]
    if np.isnan(beside).any() or (layout.weights and (beside[:, -1] < 0).any()):
        return None
    return table


def plain(lines: bytes, layout: Layout) -> str | None:
    """The text without quotes and carriage returns, if float takes no more of it than is allowed.

    Of the letters in float's own words and of `_`, none may be there but in words for missing.
    """
    dialect = layout.dialect
    if not lines.isascii() or any("_" in word for word in dialect.missing):
        return None
    text = lines.decode("ascii")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if layout.columns == 1 and (text.startswith("\n") or "\n\n" in text):
        return None
    quotes, others = forms(dialect)
    if '"' in text:
        text = quotes.sub(r"\1", text)
    return None if text.translate(others) else text


@lru_cache(maxsize=16)
def forms(dialect: Dialect) -> tuple[re.Pattern[str], dict[int, None]]:
    """What finds cells that are properly quoted, and a table that deletes what may be there."""
    edge = re.escape(dialect.delimiter)
    quotes = re.compile(rf'(?:(?<=[{edge}\n])|\A)"([^"{edge}\n]*)"(?=[{edge}\n])')
    allowed = NUMERIC + dialect.delimiter + "".join(dialect.missing)
    return quotes, dict.fromkeys(map(ord, allowed))


def narrowed(doubles: NDArray[np.float64], cells: list[str]) -> Floats:
    """As float32 rounded once: what two roundings may differ in is taken from the text again."""
    with np.errstate(over="ignore", under="ignore"):
        values = doubles.astype(np.float32)
    halfway = (doubles.view(np.uint64) & np.uint64(LOST)) == HALFWAY
    tiny = (np.abs(doubles) < LEAST_NORMAL) & (doubles != 0)
    for at in np.flatnonzero(halfway | tiny).tolist():
        number = rounded(cells[at])
        values[at] = number if abs(number) < BEYOND else np.inf
    return values
