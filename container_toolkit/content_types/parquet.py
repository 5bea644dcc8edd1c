"""application/x-parquet: tables of numbers, the label's columns first, then the weight's.

Read a few MiB at a time, whatever the size of the row groups. Numbers are numbers of any width,
booleans 0 and 1. A null, or NaN, is a missing value. Instead of a column for each feature there
may be one column of lists that are equally long.

Memory is bounded for a file that is what it says. Arrow takes as much as the header of a page
claims, up to 2 GiB, before it finds that a damaged one is wrong.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.content_types.batch import Batch
from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.parquet_columns import Column, columns_of
from container_toolkit.content_types.parquet_write import write
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.codec import Reading

AT_ONCE = 1 << 20  # cells in a batch, 4 MiB of them
MOST_ROWS = 1 << 16  # in a batch
BUFFER = 1 << 20  # bytes read of a column at a time; without it a row group is read as a whole


def read(
    stream: BinaryIO, name: str, reading: Reading, most_rows: int = MOST_ROWS
) -> Iterator[Batch]:
    """Dense batches. A stream that can't seek is first copied into a temporary file.

    Raises DataError naming the row and column, or saying what is wrong with the file.
    """
    with seekable(stream) as file, refusals(name):
        source = opened(file)
        if row_count(source.metadata, name) == 0:
            return
        label, weight, features = columns_of(source.schema_arrow, name, reading)
        at_once = max(1, min(most_rows, AT_ONCE // max(1, source.metadata.num_columns)))
        done = 0
        width = reading.columns
        for table in source.iter_batches(batch_size=at_once, use_threads=False):
            if not table.num_rows:
                continue
            matrix = assembled(features, table, done)
            if width is not None and matrix.shape[1] != width:
                raise DataError(
                    f"{name} row {done + 1} has {matrix.shape[1]} features, not {width}."
                )
            width = matrix.shape[1]
            yield Batch(
                features=matrix,
                labels=labels_of(label, table, done),
                weights=weight.numbers(table, done) if weight else None,
            )
            done += table.num_rows
        if done != source.metadata.num_rows:
            raise DataError(f"{name} says it has {source.metadata.num_rows} rows, but has {done}.")


def opened(file: BinaryIO) -> Any:
    from pyarrow.parquet import ParquetFile

    return ParquetFile(file, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True)


def row_count(metadata: Any, name: str) -> int:
    """What the file says, which it says twice: a damaged footer must not hide rows."""
    groups = sum(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
    if groups != metadata.num_rows:
        raise DataError(
            f"{name} is damaged: it says it has {metadata.num_rows} rows, and {groups} in its row"
            " groups."
        )
    return int(groups)


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.seek(0)
        yield copy


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """What Arrow raises for a file that it can't read, as DataError."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise DataError(f"{name} can't be read as Parquet: {reason}.") from None


def assembled(features: list[Column], table: Any, done: int) -> Floats:
    """(rows, columns), C-contiguous."""
    if len(features) == 1:
        only = features[0].numbers(table, done)
        return np.ascontiguousarray(only.reshape(table.num_rows, -1))
    matrix = np.empty((table.num_rows, len(features)), np.float32)
    for number, column in enumerate(features):
        matrix[:, number] = column.numbers(table, done)
    return matrix


def labels_of(columns: list[Column], table: Any, done: int) -> Floats | None:
    if not columns:
        return None
    return columns[0].numbers(table, done) if len(columns) == 1 else assembled(columns, table, done)


CODEC = Codec(media_type="application/x-parquet", read=read, write=write, seeks=True)
