"""What RecordIO-protobuf is read as, against a plain walk and Protocol Buffers' own parser.

`check` holds for any bytes: they are read as the same rows in one piece and in small ones, with
labels asked for or not, and what comes out is what the slow reader here makes of them; where they
can't be read a DataError says so, and a file that a plain writer could have written is read.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from container_toolkit.content_types import recordio_frames
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.content_types.recordio_protobuf import CODEC
from container_toolkit.errors import DataError
from tests.content_types.recordio_schema import MAGIC, Record, frame, serialized

READINGS = (
    Reading(label_size=0),
    Reading(label_size=1),
    Reading(label_size=0, weights=True),
    Reading(label_size=2, columns=3),
)
CHUNK = recordio_frames.CHUNK


@dataclass
class Rows:
    """All rows of a file: lists of float32, NaN compared as a number."""

    sparse: bool
    columns: int
    features: list[tuple[tuple[int, ...], bytes]]
    labels: list[bytes]
    weights: list[bytes]


class Refused(Exception):
    """By the slow reader."""


def check(data: bytes) -> None:
    for reading in READINGS:
        whole = attempt(data, reading, CHUNK)
        pieces = attempt(data, reading, 64)
        assert pieces == whole, f"in pieces {pieces}, whole {whole}"
        expected = slowly_or_none(data, reading)
        if whole is None and expected is not None:
            assert not plain(data), f"refused, but it is {expected}"
        else:
            assert whole == expected, f"read as {whole}, but it is {expected}"


def attempt(data: bytes, reading: Reading, chunk: int) -> Rows | None:
    recordio_frames.CHUNK = chunk
    try:
        return together(list(CODEC.read(io.BytesIO(data), "fuzz", reading)), reading)
    except DataError:
        return None
    finally:
        recordio_frames.CHUNK = CHUNK


def together(batches: list[Batch], reading: Reading) -> Rows:
    rows = Rows(False, reading.columns or 0, [], [], [])
    for batch in batches:
        features = batch.features
        rows.sparse = isinstance(features, Csr)
        rows.columns = batch.columns
        assert batch.rows
        for row in range(batch.rows):
            if isinstance(features, Csr):
                span = slice(features.indptr[row], features.indptr[row + 1])
                keys = tuple(features.indices[span].tolist())
                rows.features.append((keys, same_nan(features.values[span])))
            else:
                rows.features.append(((), same_nan(features[row])))
            for numbers, into in ((batch.labels, rows.labels), (batch.weights, rows.weights)):
                into.append(b"" if numbers is None else same_nan(np.atleast_1d(numbers[row])))
    return rows


def same_nan(numbers: Any) -> bytes:
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.array(numbers, np.float64).astype(np.float32)
    values[np.isnan(values)] = np.nan
    return values.tobytes()


def payloads(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        head = data[at : at + 8]
        kind, size = divmod(int.from_bytes(head[4:], "little"), 1 << 29)
        end = at + 8 + (size + 3) // 4 * 4
        if len(head) < 8 or head[:4] != MAGIC or end > len(data):
            raise Refused("frame")
        if kind > 3 or (kind in (2, 3)) != bool(parts):
            raise Refused("kind")
        parts.append(data[at + 8 : at + 8 + size])
        if kind in (0, 3):
            found.append(b"".join(parts))
            parts = []
        at = end
    if parts:
        raise Refused("open")
    return found


def slowly_or_none(data: bytes, reading: Reading) -> Rows | None:
    try:
        return slowly(data, reading)
    except (Refused, DecodeError, UnicodeDecodeError):
        return None


def slowly(data: bytes, reading: Reading) -> Rows:
    rows = Rows(False, reading.columns or 0, [], [], [])
    kinds, widths, sizes = set(), set(), set()
    for payload in payloads(data):
        record = Record()
        record.ParseFromString(payload)
        known = {"values", "weights"} if reading.weights else {"values"}
        if set(record.features) - {"values"} or set(record.label) - known:
            raise Refused("name")
        sparse, width, row = features_of(record)
        label = dense_of(record.label, "values")
        weight = dense_of(record.label, "weights")
        if len(weight) != reading.weights or any(not each >= 0 for each in weight):
            raise Refused("weight")
        kinds.add(sparse)
        widths |= set() if width is None else {width}
        sizes.add(len(label))
        rows.sparse = sparse
        rows.features.append(row)
        rows.labels.append(same_nan(label))
        rows.weights.append(same_nan(weight))
    if len(kinds) > 1 or len(widths) > 1 or len(sizes) > 1:
        raise Refused("differ")
    if reading.label_size and sizes - {reading.label_size}:
        raise Refused("label")
    for width in widths:
        if reading.columns and (
            width > reading.columns or (width < reading.columns and not sparse)
        ):
            raise Refused("columns")
        rows.columns = reading.columns or width
    return rows


def tensor_of(tensors: Any, name: str) -> Any:
    if name not in tensors:
        return None
    kind = tensors[name].WhichOneof("value")
    if kind == "bytes":
        raise Refused("bytes")
    return getattr(tensors[name], kind) if kind else None


def checked(values: Any, *, nan: bool) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.array(values, np.float64).astype(np.float32)
    if np.isinf(numbers).any() or (np.isnan(numbers).any() and not nan):
        raise Refused("not finite")
    return values


def features_of(record: Any) -> tuple[bool, int | None, tuple[tuple[int, ...], bytes]]:
    tensor = tensor_of(record.features, "values")
    if tensor is None:
        return True, None, ((), b"")
    values, keys, shape = list(tensor.values), list(tensor.keys), list(tensor.shape)
    if len(shape) > 2 or (len(shape) == 2 and shape[0] != 1) or max(shape, default=0) >= 2**31:
        raise Refused("shape")
    width = shape[-1] if shape else None
    if values and not keys:
        if width not in (None, len(values)):
            raise Refused("width")
        return False, len(values), ((), same_nan(checked(values, nan=True)))
    if len(keys) != len(values) or (keys and (width is None or max(keys) >= width)):
        raise Refused("keys")
    if len(set(keys)) < len(keys):
        raise Refused("twice")
    pairs = sorted(zip(keys, checked(values, nan=False), strict=True))
    return True, width, (tuple(k for k, _ in pairs), same_nan([v for _, v in pairs]))


def dense_of(tensors: Any, name: str) -> list[float]:
    tensor = tensor_of(tensors, name)
    if tensor is None:
        return []
    shape, values = list(tensor.shape), list(tensor.values)
    if tensor.keys or (shape and (shape[-1] != len(values) or shape[:-1] not in ([], [1]))):
        raise Refused("label shape")
    checked(values, nan=False)
    return values


def plain(data: bytes) -> bool:
    """Whether each record is just as Protocol Buffers would write it."""
    for payload in payloads(data):
        record = Record()
        record.ParseFromString(payload)
        again = Record()
        for name in ("features", "label"):
            for key, value in getattr(record, name).items():
                getattr(again, name)[key].CopyFrom(value)
        again.DiscardUnknownFields()
        if serialized(again) != payload:
            return False
    return True


def record_of(
    values: Any, keys: Any = (), shape: Any = (), label: Any = (1.0,), kind: str = "float32"
) -> bytes:
    record = Record()
    tensor = getattr(record.features["values"], f"{kind}_tensor")
    tensor.values.extend(values)
    tensor.keys.extend(keys)
    tensor.shape.extend(shape)
    record.label["values"].float32_tensor.values.extend(label)
    return serialized(record)


def seeds() -> list[bytes]:
    dense = [record_of([1.5 * row, float("nan"), -row]) for row in range(4)]
    double = [record_of([1e3, 2.0], kind="float64"), record_of([7, -2], kind="int32")]
    sparse = [record_of([0.5] * row, [200 * key for key in range(row)], [5000]) for row in range(5)]
    matrix = [record_of([3.0, 2.0, 1.0], [2, 1, 0], [1, 3], label=(0.0, 1.0)) for _ in range(2)]
    weighted = Record.FromString(record_of([1.0, 2.0, 3.0]))
    weighted.label["weights"].float32_tensor.values.append(0.25)
    weighted.uid = "a"
    split = frame(dense[0][:9], 1) + frame(dense[0][9:17], 2) + frame(dense[0][17:], 3)
    unpacked = bytes.fromhex("0a190a0676616c756573120f120d0d0000803f0d0000004010001001")
    return [
        b"".join(map(frame, dense)),
        b"".join(map(frame, sparse)),
        b"".join(map(frame, matrix)),
        *[frame(payload) * 2 for payload in double],
        frame(serialized(weighted)) * 2,
        split + frame(dense[1]),
        frame(b"") * 3 + frame(sparse[2]),
        frame(unpacked),
    ]
