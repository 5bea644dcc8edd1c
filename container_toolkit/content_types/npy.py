"""application/x-npy: numpy's .npy format, an array of numbers, a row of it a row of data.

An array of one dimension and length n is n rows of one column. The leading columns are the label
and then the weight, as in CSV. Several arrays may follow one another in a stream, as `numpy.save`
appends them. Rows are read as they come; an array in Fortran order, which has its columns one
after the other, has to be held whole, and is refused beyond LARGEST_WHOLE. Nothing is unpickled.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.format import write_array_header_1_0

from container_toolkit.content_types.batch import Batch
from container_toolkit.content_types.codec import Codec
from container_toolkit.content_types.csv_writing import dense_pieces
from container_toolkit.content_types.npy_header import header
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.codec import Reading
    from container_toolkit.content_types.npy_header import Header

CHUNK = 4 << 20  # bytes taken from a stream at a time, or one row
LARGEST_WHOLE = 512 << 20  # bytes of an array in Fortran order, or of a row
IN_MEMORY = 16 << 20  # bytes of an array in the making, before it goes to a temporary file


def read(stream: BinaryIO, name: str, reading: Reading) -> Iterator[Batch]:
    """Batches of float32. Raises DataError naming file, row and column, counted over all arrays."""
    done = columns = 0
    while True:
        where = f"{name}, after row {done}" if done else name
        found = header(lambda size: taken(stream, size).tobytes(), where)
        if found is None:
            return
        if not found.rows:
            continue
        check_columns(found.columns, columns, where, reading)
        columns = found.columns
        for raw in blocks(stream, found, name, done):
            numbers = narrowed(raw)
            fault = first_fault(numbers, reading.label_size, reading.weights)
            if fault:
                row, column, what = fault
                raise DataError(
                    f"{name}, row {done + row + 1}, column {column + 1}: {raw[row, column]} {what}."
                )
            yield batch_of(numbers, reading)
            done += len(numbers)


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """One array: labels, weight, features; sparse rows are made dense, with NaN where nothing is.

    The header comes first and says how many rows there are, so rows are collected until the last
    one is there, in a temporary file where they are many. Raises DataError for what `read` would
    refuse and for what the format has no place for.
    """
    rows = columns = 0
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as collected:
        for batch in batches:
            for cells in checked_pieces(batch, rows, columns):
                columns = cells.shape[1]
                collected.write(np.ascontiguousarray(cells, "<f4").tobytes())
                rows += len(cells)
        shape = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
        write_array_header_1_0(stream, shape)
        collected.seek(0)
        shutil.copyfileobj(collected, stream, 1 << 20)


def taken(stream: BinaryIO, size: int) -> NDArray[np.uint8]:
    """That many bytes, fewer only at the end; memory grows with what comes, not with `size`."""
    data = np.empty(min(size, CHUNK), np.uint8)
    filled = 0
    while filled < size:
        if filled == len(data):
            larger = np.empty(min(size, 2 * len(data)), np.uint8)
            larger[:filled] = data
            data = larger
        took = stream.readinto(data[filled:].data)  # type: ignore[attr-defined]
        if not took:
            break
        filled += took
    return data[:filled]


def check_columns(columns: int, before: int, where: str, reading: Reading) -> None:
    leading = reading.label_size + reading.weights
    if before not in (0, columns):
        raise DataError(f"{where}: an array of {columns} columns follows one of {before}.")
    if columns <= leading:
        raise DataError(
            f"{where}: it has {columns} columns, but {leading} for label and weight, and at least"
            " one feature, are needed."
        )
    if reading.columns not in (None, columns - leading):
        raise DataError(
            f"{where}: it has {columns - leading} features, but {reading.columns} are expected."
        )


def blocks(stream: BinaryIO, found: Header, name: str, done: int) -> Iterator[NDArray[Any]]:
    """The array's rows, some at a time, as their type has them."""
    dtype = np.dtype(found.dtype)
    size = found.columns * dtype.itemsize  # of a row
    whole = size * (found.rows if found.fortran else 1)
    if whole > LARGEST_WHOLE:
        what = "an array in Fortran order" if found.fortran else "a row"
        raise DataError(
            f"{name}: it has {what} of {whole} bytes, which is read whole and may have"
            f" {LARGEST_WHOLE}; store it with numpy.ascontiguousarray, or in several files."
        )
    at_once = max(1, CHUNK // size)
    if found.fortran:
        columns = complete(stream, found, 0, found.rows, name, done).view(dtype)
        turned = columns.reshape(found.columns, found.rows).T
        yield from (turned[at : at + at_once] for at in range(0, found.rows, at_once))
        return
    for at in range(0, found.rows, at_once):
        rows = min(at_once, found.rows - at)
        data = complete(stream, found, at, rows, name, done + at)
        yield data.view(dtype).reshape(rows, found.columns)


def complete(
    stream: BinaryIO, found: Header, at: int, rows: int, name: str, done: int
) -> NDArray[np.uint8]:
    """The bytes of that many rows; `at` of the array's, and `done` of all, came before."""
    size = found.columns * np.dtype(found.dtype).itemsize
    data = taken(stream, rows * size)
    if len(data) == rows * size:
        return data
    place = name if found.fortran else f"{name}, row {done + len(data) // size + 1}"
    raise DataError(
        f"{place}: the header says {found.rows} rows of {size} bytes, but the file ends after"
        f" {at * size + len(data)} of them all; it was cut off."
    )


def narrowed(raw: NDArray[Any]) -> Floats:
    """As float32, infinite where that can't hold it, or where a boolean is neither 0 nor 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.ascontiguousarray(raw, np.float32)
    if raw.dtype.kind == "b":
        numbers[raw.view(np.uint8) > 1] = np.inf
    return numbers


def first_fault(numbers: Floats, labels: int, weights: bool) -> tuple[int, int, str] | None:
    """The row and column, 0-based, of a number that may not be there, and what is wrong with it."""
    leading = numbers[:, : labels + weights]
    if np.isfinite(numbers).all() and not (leading[:, labels:] < 0).any():
        return None
    wrong = np.isinf(numbers)
    wrong[:, : labels + weights] |= np.isnan(leading)
    wrong[:, labels : labels + weights] |= leading[:, labels:] < 0
    if not wrong.any():
        return None
    row, column = (int(at) for at in np.argwhere(wrong)[0])
    if column >= labels + weights:
        return row, column, "is no feature; one is a number that float32 holds, or NaN"
    if column >= labels:
        return row, column, "is no weight; one is a number that float32 holds, not negative"
    return row, column, "is no label; one is a number that float32 holds"


def batch_of(numbers: Floats, reading: Reading) -> Batch:
    labels = reading.label_size
    leading = labels + reading.weights
    return Batch(
        features=np.ascontiguousarray(numbers[:, leading:]),
        labels=(numbers[:, 0] if labels == 1 else numbers[:, :labels]).copy() if labels else None,
        weights=numbers[:, labels].copy() if reading.weights else None,
    )


def checked_pieces(batch: Batch, done: int, columns: int) -> Iterator[Floats]:
    """The array's rows, some at a time; `done` came before, all `columns` wide if any did."""
    if batch.groups is not None:
        raise DataError("application/x-npy has no place for query ids; write text/libsvm.")
    labels = 0 if batch.labels is None else math.prod(batch.labels.shape[1:])
    for cells in dense_pieces(batch):
        if columns not in (0, cells.shape[1]):
            raise DataError(
                f"row {done + 1} has {cells.shape[1]} columns, but those before have {columns};"
                " write rows of one width."
            )
        fault = first_fault(cells, labels, batch.weights is not None)
        if fault:
            row, column, what = fault
            place = f"row {done + row + 1}, column {column + 1}"
            raise DataError(f"application/x-npy, {place}: {cells[row, column]} {what}.")
        yield cells
        done += len(cells)


CODEC = Codec(media_type="application/x-npy", read=read, write=write)
