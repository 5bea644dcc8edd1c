"""CSV by Arrow's reader: fast, and lenient in ways that are found out here.

Checked against pyarrow 26: it skips blank lines and a byte order mark, takes a lone carriage return
for a line's end, joins what follows a closing quote to the cell, ends an open quote at the end of
the data, and reads nan, inf and numbers beyond float32. Any of these is a doubt, for `csv_text`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.line_blocks import BOM

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Batch
    from container_toolkit.content_types.csv_layout import Layout

CHUNK = 1 << 20  # bytes that Arrow parses together; their cells still fit a core's cache
LEAST_ROWS = 64  # in a chunk: Arrow makes an array for each column of each
WIDEST = 4096  # columns; for each, Arrow takes the time and memory of some hundred cells


class ArrowReader:
    """Reads blocks of one layout. Made once for a stream: its options name every column."""

    def __init__(self, layout: Layout) -> None:
        """Raises ModuleNotFoundError where pyarrow is not installed."""
        import pyarrow
        from pyarrow import csv

        names = [str(column) for column in range(layout.columns)]
        self.layout = layout
        self.names = names
        self.csv = csv
        self.invalid = pyarrow.ArrowInvalid
        self.source = pyarrow.BufferReader
        self.parsing = csv.ParseOptions(delimiter=layout.dialect.delimiter)
        self.converting = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pyarrow.float32()),
            null_values=sorted(layout.dialect.missing),
        )

    def read(self, lines: bytes, rows: int) -> Batch | None:
        """`rows` whole lines, or None where anything is not plainly right."""
        if lines.startswith(BOM) or not plain_ends(lines) or not plain_quotes(lines, self.layout):
            return None
        options = self.csv.ReadOptions(
            column_names=self.names,
            use_threads=len(os.sched_getaffinity(0)) > 1,
            block_size=max(CHUNK, LEAST_ROWS * (len(lines) // rows)),
        )
        try:
            table = self.csv.read_csv(self.source(lines), options, self.parsing, self.converting)
        except self.invalid:
            return None
        if table.num_rows != rows:
            return None
        return to_batch(table, self.layout)


def to_batch(table: Any, layout: Layout) -> Batch | None:
    batch = layout.empty(table.num_rows)
    columns = layout.columns_of(batch)
    start = missing = 0
    for chunk in table.to_batches():  # chunk by chunk: each is in the cache while it is turned
        end = start + chunk.num_rows
        for at, column in enumerate(chunk.columns):
            missing += column.null_count
            columns[at][start:end] = column.to_numpy(zero_copy_only=False)
        start = end
    return batch if sound(batch, missing) else None


def sound(batch: Batch, missing: int) -> bool:
    """Whether just the missing features are not finite, and no weight is negative."""
    assert isinstance(batch.features, np.ndarray)
    finite = np.count_nonzero(np.isfinite(batch.features)) + missing == batch.features.size
    labels = batch.labels is None or bool(np.isfinite(batch.labels).all())
    weights = batch.weights is None or bool(
        (np.isfinite(batch.weights) & (batch.weights >= 0)).all()
    )
    return finite and labels and weights


def plain_ends(lines: bytes) -> bool:
    """Whether every carriage return is followed by a newline; the last byte is one."""
    if b"\r" not in lines:
        return True
    text = np.frombuffer(lines, np.uint8)
    return bool((text[np.flatnonzero(text == ord("\r")) + 1] == ord("\n")).all())


def plain_quotes(lines: bytes, layout: Layout) -> bool:
    """Whether quotes come in pairs, each around all of a cell, with none inside."""
    if b'"' not in lines:
        return True
    text = np.frombuffer(lines, np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    if len(quotes) % 2:
        return False
    edges = (ord(layout.dialect.delimiter), ord("\n"))
    opening, closing = quotes[::2], quotes[1::2]
    first = int(opening[0] == 0)
    return among(text[opening[first:] - 1], *edges) and among(text[closing + 1], *edges, ord("\r"))


def among(characters: NDArray[np.uint8], *allowed: int) -> bool:
    found = np.zeros(len(characters), bool)
    for character in allowed:
        found |= characters == character
    return bool(found.all())
