"""What .npy is read as, against numpy's own reader of one array after the other."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from container_toolkit.content_types import npy
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

READINGS = (Reading(label_size=0), Reading(label_size=1), Reading(label_size=2, weights=True))
CHUNK = npy.CHUNK


def check(data: bytes) -> None:
    for reading in READINGS:
        whole = attempt(data, reading, CHUNK)
        pieces = attempt(data, reading, 16)
        assert pieces == whole, f"in pieces {pieces}, whole {whole}"
        expected = slowly(data, reading)
        if whole is None:
            assert not expected or not plain(data), f"refused, but it is {expected}"
        else:
            assert whole == expected, f"read as {whole}, but it is {expected}"


def attempt(data: bytes, reading: Reading, chunk: int) -> list[bytes] | None:
    """Each row as the bytes of its label, weight and features."""
    npy.CHUNK = chunk
    try:
        batches = list(npy.CODEC.read(io.BytesIO(data), "fuzz", reading))
    except DataError:
        return None
    finally:
        npy.CHUNK = CHUNK
    rows = []
    for batch in batches:
        cells = [batch.labels, batch.weights, batch.features]
        rows += [
            b"".join(same_nan(np.atleast_1d(each[row])) for each in cells if each is not None)  # type: ignore[index]
            for row in range(batch.rows)
        ]
    return rows


def same_nan(numbers: Any) -> bytes:
    values = np.array(numbers, np.float32)
    values[np.isnan(values)] = np.nan
    return values.tobytes()


def slowly(data: bytes, reading: Reading) -> list[bytes] | None:
    stream = io.BytesIO(data)
    rows: list[bytes] = []
    width = 0
    leading = reading.label_size + reading.weights
    while stream.tell() < len(data):
        array = loaded(stream, data)
        if array is None or array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            return None
        if array.ndim not in (1, 2):
            return None
        array = array.reshape(len(array), -1) if array.size else array
        if not len(array):
            continue
        columns = array.shape[1] if array.ndim == 2 else 0
        if width not in (0, columns) or columns <= leading:
            return None
        width = columns
        for row in array.tolist():
            cells = as_float32(row)
            if np.isinf(cells).any() or np.isnan(cells[:leading]).any():
                return None
            if reading.weights and cells[reading.label_size] < 0:
                return None
            rows.append(same_nan(cells))
    return rows


def as_float32(row: list[Any]) -> Any:
    with np.errstate(over="ignore"):
        return np.array([np.float32(cell) for cell in row], np.float32)


def loaded(stream: io.BytesIO, data: bytes) -> Any:
    """One array, if its data is there: numpy would make room for what the header claims."""
    start = stream.tell()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = npy_format.read_magic(stream)
            if version == (1, 0):
                shape, _, dtype = npy_format.read_array_header_1_0(stream)
            else:
                shape, _, dtype = npy_format.read_array_header_2_0(stream)
            size = dtype.itemsize
            for length in shape:
                size *= length
            if dtype.hasobject or size > len(data) - stream.tell():
                return None
            stream.seek(start)
            return npy_format.read_array(stream, allow_pickle=False)
    except Exception:  # whatever numpy makes of a broken header, it is no array
        return None


def plain(data: bytes) -> bool:
    """Whether each array is just as numpy would write it."""
    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        start = stream.tell()
        array = loaded(stream, data)
        again = io.BytesIO()
        npy_format.write_array(again, array, allow_pickle=False)
        if again.getvalue() != data[start : stream.tell()]:
            return False
        if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
            return False
    return True


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        npy_format.write_array(out, np.asanyarray(array), version)
    return out.getvalue()


def seeds() -> list[bytes]:
    table = np.arange(12.0).reshape(3, 4)
    kinds = ["<f4", ">f8", "<f2", "<i8", ">i2", "|u1", "|b1", "<u4"]
    return [
        *[saved(table.astype(kind)) for kind in kinds],
        saved(np.asfortranarray(table)),
        saved(table, (2, 0)),
        saved(table, (3, 0)),
        saved(np.arange(5.0)),
        saved(np.float32(3)),
        saved(table[:0]),
        saved(table) + saved(table.astype("<f4")),
        saved(np.array([[1e300, np.inf, np.nan, 0]])),
        saved(np.array([None, 1], object)),
        saved(np.zeros(2, [("a", "<f4")])),
        saved(np.array(["text"])),
    ]
