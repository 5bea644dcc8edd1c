"""CSV cell by cell: the norm that the quicker ways must agree with, and the one that words errors.

A row is a line: a quoted cell can't go on in the next one, which no number needs.
"""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.csv_layout import Dialect, Layout
    from container_toolkit.errors import DataError

# Python's float takes more: 1_000, nan, infinity, the digits of other scripts.
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
BEYOND = 2.0**128  # where float32 would go on, if its exponent did
LARGEST = 3.4028234663852886e38  # of float32
LEAST_NORMAL = 2.0**-126  # float32 below it has fewer bits still
# Of a double, what float32 has no bits for; halfway between two float32 only the first is set.
LOST, HALFWAY = (1 << 29) - 1, 1 << 28
SINGLE, DOUBLE, BITS = struct.Struct("f"), struct.Struct("d"), struct.Struct("Q")
MISSING_WORDS = frozenset(
    {"nan", "+nan", "-nan", "na", "n/a", "null", "none", "nil", "missing", "?", "-", "."}
)
INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
SHOWN = 40  # characters of a cell


def read_cells(lines: Sequence[bytes], first: int, layout: Layout) -> Floats:
    """(rows, columns) of lines without their newlines, the first of which is row `first`.

    Raises DataError naming the row, and the column where it is one cell's fault.
    """
    dialect = layout.dialect
    values: list[list[float]] = []
    for row, line in enumerate(lines, first):
        cells = split(line, row, dialect)
        if len(cells) != layout.columns:
            raise dialect.error(row, None, ragged(len(cells), layout.columns))
        values.append([value(cell, row, at, layout) for at, cell in enumerate(cells)])
    return np.array(values, np.float32).reshape(len(lines), layout.columns)


def split(line: bytes, row: int, dialect: Dialect) -> list[str]:
    """The cells of a line, unquoted and without the blanks around them."""
    text = decoded(line, row, dialect).removesuffix("\r")
    if "\r" in text:
        column = text.count(dialect.delimiter, 0, text.index("\r")) + 1
        what = "a carriage return ends no line here; end lines with a newline"
        raise dialect.error(row, column, what)
    if not text.strip(dialect.blanks):
        raise blank(row, dialect)
    if '"' in text:
        return split_quoted(text, row, dialect)
    return [cell.strip(dialect.blanks) for cell in text.split(dialect.delimiter)]


def blank(row: int, dialect: Dialect) -> DataError:
    return dialect.error(
        row, None, 'the line is blank; remove it, or write "" for a missing value that is alone'
    )


def decoded(line: bytes, row: int, dialect: Dialect) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        column = line.count(dialect.delimiter.encode(), 0, error.start) + 1
        what = f"byte 0x{line[error.start]:02x} is no UTF-8; store the file as UTF-8 text"
        raise dialect.error(row, column, what) from None


def split_quoted(text: str, row: int, dialect: Dialect) -> list[str]:
    opening, quoted = quotes(dialect.blanks)
    cells: list[str] = []
    at = 0
    while True:
        found = quoted.match(text, at)
        if not found and opening.match(text, at):
            what = "the quote is not closed on its line; close it, or take it away"
            raise dialect.error(row, len(cells) + 1, what)
        after = found.end() if found else at
        end = text.find(dialect.delimiter, after)
        end = len(text) if end < 0 else end
        if found and text[after:end].strip(dialect.blanks):
            what = f"{shown(text[at:end])} goes on after its closing quote; quote all of it or none"
            raise dialect.error(row, len(cells) + 1, what)
        cell = found[1].replace('""', '"') if found else text[at:end]
        cells.append(cell.strip(dialect.blanks))
        if end == len(text):
            return cells
        at = end + 1


@lru_cache(maxsize=4)
def quotes(blanks: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds a quote that opens a cell, and a quoted cell with its content as group 1."""
    return re.compile(f'[{blanks}]*"'), re.compile(f'[{blanks}]*"((?:[^"]|"")*)"')


def value(cell: str, row: int, at: int, layout: Layout) -> float:
    """What the cell in the 0-based column `at` says: a float32, or NaN for a missing feature."""
    dialect, role = layout.dialect, layout.role(at)
    if cell in dialect.missing:
        if role == "feature":
            return math.nan
        what = f"the {role} is missing" + (f" ({shown(cell)})" if cell else "")
        raise dialect.error(row, at + 1, f"{what}; give every row one, or leave the row out")
    if not NUMBER.fullmatch(cell):
        raise dialect.error(row, at + 1, fault(cell))
    number = rounded(cell)
    if abs(number) >= BEYOND:
        what = f"{shown(cell)} is outside of float32, which ends at 3.4028235e38; scale the column"
        raise dialect.error(row, at + 1, what)
    if role == "weight" and number < 0:
        raise dialect.error(row, at + 1, f"the weight {shown(cell)} is negative; use 0 or more")
    return number


def rounded(number: str) -> float:
    """The float32 nearest to decimal text, ties to even; at least 2**128 in size if there is none.

    Through a double it is rounded twice, which errs where the double happens to be halfway between
    two float32: then the text itself decides.
    """
    double = float(number)
    if abs(double) >= BEYOND or double == 0:
        return double
    (bits,) = BITS.unpack(DOUBLE.pack(double))
    if bits & LOST != HALFWAY and LEAST_NORMAL <= abs(double) < LARGEST:
        single: float = SINGLE.unpack(SINGLE.pack(double))[0]
        return single
    return rounded_by_text(number, double)


def rounded_by_text(number: str, double: float) -> float:
    with np.errstate(over="ignore", under="ignore"):
        found = np.float32(double)
        side = np.float32(math.copysign(math.inf, double - float(found)))
        neighbour = np.nextafter(found, side)
    nearest, other = (math.copysign(min(abs(float(x)), BEYOND), double) for x in (found, neighbour))
    if nearest == double or abs(double - nearest) != abs(other - double):
        return nearest
    exact, halfway = Decimal(number), Decimal(double)
    if exact == halfway:
        return nearest
    return max(nearest, other) if exact > halfway else min(nearest, other)


def fault(cell: str) -> str:
    """What is wrong with a cell that is no number, and what to do."""
    if "\0" in cell:
        return "the cell holds a NUL byte; store the file as UTF-8 text"
    if cell.lower() in MISSING_WORDS:
        return (
            f"{shown(cell)} is not a number; leave the cell of a missing value empty, or add"
            f" missing={cell} to the content type"
        )
    if INFINITE.fullmatch(cell):
        return (
            f"{shown(cell)} is not finite; write a number, or leave the cell empty if it has none"
        )
    return (
        f"{shown(cell)} is not a number; write one in decimal, or leave the cell of a missing value"
        " empty"
    )


def ragged(cells: int, columns: int) -> str:
    return (
        f"the row has {cells} column{'s' * (cells != 1)}, but those before have {columns}; give"
        " every row the same"
    )


def shown(cell: str) -> str:
    return repr(cell if len(cell) <= SHOWN else cell[:SHOWN] + "…")
