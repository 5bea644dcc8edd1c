"""Batches written as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.batch import Csr
from container_toolkit.content_types.float_text import texts
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Batch, Floats

AT_ONCE = 1 << 18  # cells turned into text together


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """Labels, weight, features, in the shortest text that reads back to the same bits.

    NaN among the features, and what sparse rows leave out, is an empty cell (`""` where it is
    alone in its row). Raises DataError for what has no such text: a label or weight that is not
    finite, a negative weight, an infinite feature, query groups, rows of different widths.
    """
    columns = None
    done = 0
    for batch in batches:
        if batch.groups is not None:
            raise DataError("text/csv has no place for query groups; write text/libsvm.")
        for cells in dense_pieces(batch):
            columns = columns or cells.shape[1]
            if cells.shape[1] != columns:
                raise DataError(
                    f"row {done + 1} has {cells.shape[1]} columns, but those before have {columns};"
                    " write rows of one width."
                )
            check(cells, batch, done)
            stream.write(lines(cells))
            done += len(cells)


def dense_pieces(batch: Batch) -> Iterator[Floats]:
    """The file's cells, (some rows, columns)."""
    beside: list[Floats] = []
    if batch.labels is not None:
        beside.append(batch.labels.reshape(batch.rows, -1))
    if batch.weights is not None:
        beside.append(batch.weights.reshape(batch.rows, 1))
    step = max(1, AT_ONCE // max(1, batch.columns))
    for start in range(0, batch.rows, step):
        end = min(start + step, batch.rows)
        features = batch.features
        part = densified(features, start, end) if isinstance(features, Csr) else features[start:end]
        yield np.concatenate([*(column[start:end] for column in beside), part], axis=1)


def densified(rows: Csr, start: int, end: int) -> Floats:
    dense = np.full((end - start, rows.columns), np.nan, np.float32)
    first, last = rows.indptr[start], rows.indptr[end]
    row = np.repeat(np.arange(end - start), np.diff(rows.indptr[start : end + 1]))
    dense[row, rows.indices[first:last]] = rows.values[first:last]
    return dense


def check(cells: Floats, batch: Batch, done: int) -> None:
    labels = 0 if batch.labels is None else batch.labels.reshape(batch.rows, -1).shape[1]
    weights = int(batch.weights is not None)
    wrong = np.isinf(cells)
    wrong[:, : labels + weights] |= np.isnan(cells[:, : labels + weights])
    if weights:
        wrong[:, labels] |= cells[:, labels] < 0
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise DataError(
            f"row {done + row + 1}, column {column + 1}: {cells[row, column]} has no place in"
            " text/csv; labels and weights are finite, weights not negative, features not infinite."
        )


def lines(cells: Floats) -> bytes:
    columns = cells.shape[1]
    found = texts(cells.ravel())
    alone = '""' if columns == 1 else ""
    for at in np.flatnonzero(np.isnan(cells)).tolist():
        found[at] = alone
    rows = (",".join(found[at : at + columns]) for at in range(0, len(found), columns))
    return ("\n".join(rows) + "\n").encode()
