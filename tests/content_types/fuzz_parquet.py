"""What the Parquet decoder makes of any bytes: what Arrow reads as a whole, or a DataError."""

from __future__ import annotations

import decimal
import io
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from container_toolkit.content_types import parquet as codec
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

READINGS = (Reading(), Reading(label_size=0), Reading(weights=True), Reading(columns=2))
REFUSED = "can't be read as Parquet"
LARGEST = 1 << 20  # cells that the reference reads; a page may say that it repeats one for ever


class Invalid(Exception):
    pass


def check(data: bytes) -> None:
    for reading in READINGS:
        found = outcome(data, reading, codec.MOST_ROWS)
        by_rows = outcome(data, reading, 2)
        # Arrow notices more of a damaged footer when it reads in small pieces; and of two faults
        # the one that is named is the first of a batch's label, weight or columns.
        if isinstance(found, str) and isinstance(by_rows, str):
            continue
        assert found == by_rows or REFUSED in (found, by_rows), "batches differ"
        if isinstance(found, str):
            continue
        if not found:
            assert not any(row_groups(data)), "rows left out"
        elif sum(map(len, found)) < LARGEST:
            expected = reference(data, reading)
            assert found == expected, (reading, found, expected)


def outcome(data: bytes, reading: Reading, most_rows: int) -> list[list[float | None]] | str:
    """Rows of all cells, None being NaN, without the label where there is none; or the error."""
    try:
        batches = list(codec.read(io.BytesIO(data), "data", reading, most_rows))
    except DataError as error:
        if not str(error).startswith("data"):
            raise AssertionError(f"an error that does not say where: {error}") from error
        return REFUSED if REFUSED in str(error) else str(error)
    found: list[list[float | None]] = []
    for batch in batches:
        assert batch.rows, "an empty batch"
        assert isinstance(batch.features, np.ndarray)
        assert batch.features.flags.c_contiguous
        parts = [part for part in (batch.labels, batch.weights) if part is not None]
        wide = np.column_stack([*parts, batch.features])
        assert wide.dtype == np.float32
        found += [[None if cell != cell else cell for cell in row] for row in wide.tolist()]
    return found


def reference(data: bytes, reading: Reading) -> list[list[float | None]] | None:
    table = pyarrow.parquet.ParquetFile(io.BytesIO(data)).read(use_threads=False)
    columns = [column.to_pylist() for column in table.columns]
    before = reading.label_size + reading.weights
    found = []
    try:
        for row in zip(*columns, strict=True):
            cells = row[:before]
            rest = row[before:]
            if len(rest) == 1 and isinstance(rest[0], list):
                rest = rest[0]
            found.append([number(cell) for cell in (*cells, *rest)])
            if not rest or None in found[-1][:before]:
                raise Invalid
            if reading.columns not in (None, len(rest)):
                raise Invalid
    except Invalid:
        return None
    return found if len({len(row) for row in found}) < 2 else None


def row_groups(data: bytes) -> list[int]:
    """How many rows each has."""
    metadata = pyarrow.parquet.ParquetFile(io.BytesIO(data)).metadata
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def number(cell: Any) -> float | None:
    if cell is None or cell != cell:
        return None
    if not isinstance(cell, bool | int | float | decimal.Decimal):
        raise Invalid
    with np.errstate(over="ignore"):
        narrow = np.float32(float(cell))
    if not np.isfinite(narrow):
        raise Invalid
    return float(narrow)


def seeds() -> list[bytes]:
    return [written(table, **options) for table in tables() for options in OPTIONS]


OPTIONS: tuple[dict[str, Any], ...] = (
    {"compression": "none", "use_dictionary": False},
    {"compression": "snappy", "row_group_size": 2},
    {"compression": "zstd", "write_page_checksum": True},
    {"compression": "none", "data_page_version": "2.0", "store_schema": False},
)


def tables() -> list[pyarrow.Table]:
    floats = [1.5, None, -2.25, 3.0, 1e-3]
    return [
        pyarrow.table({"y": [1, 0, 1, 0, 1], "a": floats, "b": [True, False, None, True, False]}),
        pyarrow.table(
            {
                "y": pyarrow.array([1, 2, 3], pyarrow.int8()),
                "w": pyarrow.array([decimal.Decimal("1.25")] * 3),
                "a": pyarrow.array([1, 2**63, None], pyarrow.uint64()),
            }
        ),
        pyarrow.table({"y": [1.0, 2.0], "x": [[1.0, None], [2.0, 3.0]]}),
        pyarrow.table({"y": [1.0, 2.0], "x": ["a", "b"]}),
        pyarrow.table({"y": pyarrow.array([], pyarrow.float32())}),
    ]


def written(table: pyarrow.Table, **options: Any) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, **options)
    return stream.getvalue()
