"""Row 1: how many columns there are, and whether it is the header that it should be, or not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from container_toolkit.content_types.csv_cells import (
    INFINITE,
    MISSING_WORDS,
    NUMBER,
    shown,
    split,
)
from container_toolkit.content_types.csv_layout import DELIMITERS, Dialect, Layout

if TYPE_CHECKING:
    from container_toolkit.content_types.codec import Reading
    from container_toolkit.errors import DataError

MOST_COLUMNS = 1_000_000  # of what may well be no table at all


def layout_of(
    line: bytes, row: int, following: bytes, dialect: Dialect, reading: Reading
) -> Layout:
    """The layout that the first line shows; `following` is the next one, empty if there is none.

    Raises DataError where it is a header and should not be, or the reverse, is divided by another
    delimiter, or has too few columns.
    """
    if line.count(dialect.delimiter.encode()) >= MOST_COLUMNS:
        what = f"the row has over {MOST_COLUMNS} columns; store data this wide as text/libsvm"
        raise dialect.error(row, None, what)
    cells = split(line, row, dialect)
    if dialect.header and all(NUMBER.fullmatch(cell) for cell in cells) and not counting(cells):
        what = "the header holds numbers only; add header=absent to the content type if it is none"
        raise dialect.error(row, None, what)
    if dialect.header and following:
        refuse_other_delimiter(split(following, row + 1, dialect), row + 1, dialect)
    if not dialect.header:
        refuse_other_delimiter(cells, row, dialect)
    if dialect.header is None:
        refuse_header(cells, row, following, dialect)
    layout = Layout(
        dialect=dialect, columns=len(cells), labels=reading.label_size, weights=reading.weights
    )
    features = layout.columns - layout.first_feature
    if features < 1 or (reading.columns is not None and features != reading.columns):
        raise too_few_or_many(row, layout, reading)
    return layout


def counting(cells: list[str]) -> bool:
    """0, 1, 2, …, whatever the first is: how a table without names is often given some."""
    rest = cells[1:] if len(cells) > 1 else cells
    if not all(cell.isdigit() and len(cell) < 10 for cell in rest):
        return False
    start = int(rest[0])
    return start <= 1 and [int(cell) for cell in rest] == list(range(start, start + len(rest)))


def refuse_other_delimiter(cells: list[str], row: int, dialect: Dialect) -> None:
    if len(cells) != 1 or NUMBER.fullmatch(cells[0]):
        return
    for word, delimiter in DELIMITERS.items():
        parts = [part.strip() for part in cells[0].split(delimiter)]
        numbers = sum(bool(NUMBER.fullmatch(part)) for part in parts)
        if numbers > 1 and all(not part or NUMBER.fullmatch(part) for part in parts):
            what = f"the row is not divided by {dialect.delimiter!r} but by {delimiter!r}"
            raise dialect.error(row, None, f"{what}; add delimiter={word} to the content type")


def refuse_header(cells: list[str], row: int, following: bytes, dialect: Dialect) -> None:
    """A header is text where the next row, if there is one, has a number or nothing."""
    names = [at for at, cell in enumerate(cells) if is_text(cell, dialect)]
    if not names:
        return
    below: list[str] = []
    if following:
        below = split(following, row + 1, dialect)
    elif any(NUMBER.fullmatch(cell) for cell in cells):
        return
    for at in names:
        if at >= len(below) or not is_text(below[at], dialect):
            raise header(cells[at], row, at, dialect)


def is_text(cell: str, dialect: Dialect) -> bool:
    """Neither a number nor what stands for the lack of one."""
    return (
        cell not in dialect.missing
        and cell.lower() not in MISSING_WORDS
        and cell.isprintable()
        and not NUMBER.fullmatch(cell)
        and not INFINITE.fullmatch(cell)
    )


def header(cell: str, row: int, at: int, dialect: Dialect) -> DataError:
    return dialect.error(
        row,
        at + 1,
        f"{shown(cell)} is not a number; if the row is a header, remove it or add header=present to"
        " the content type",
    )


def too_few_or_many(row: int, layout: Layout, reading: Reading) -> DataError:
    wanted = "at least one feature" if reading.columns is None else f"{reading.columns} features"
    before = [
        f"{layout.labels} label column{'s' * (layout.labels != 1)}" if layout.labels else "",
        "a weight" if layout.weights else "",
    ]
    parts = ", ".join([*filter(None, before), wanted])
    return layout.dialect.error(
        row,
        None,
        f"the row has {layout.columns} column{'s' * (layout.columns != 1)}, but is to have {parts};"
        " see to the columns, or to label_size in the content type",
    )
