"""Sparse rows as frames of Record messages: every length is known before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from container_toolkit.content_types.protobuf_wire import (
    encoded,
    message,
    put_varints,
    varint_sizes,
)
from container_toolkit.content_types.record_dense import label_blocks, label_matrix, too_long
from container_toolkit.content_types.record_message import SHAPE
from container_toolkit.content_types.record_numbers import check_sparse
from container_toolkit.content_types.record_rules import NAME
from container_toolkit.content_types.recordio_frames import HEADER, LONGEST_PAYLOAD, MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Batch, Csr

NUMBERS, ROWS = 1 << 17, 1 << 14  # in a slice that is made at a time, or one row
TO_VALUE = b"\x0a" + encoded(len(NAME)) + NAME.encode() + b"\x12"  # a map entry, up to its value


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """Rows in the making: per row `counts` of numbers, and the bytes their keys take, `key_sizes`.

    `key_places`: of each key, where its varint begins among those of all rows. `shape` is the
    tensor's field, encoded, the same in every row.
    """

    counts: NDArray[np.int64]
    keys: NDArray[np.int32]
    values: NDArray[np.float32]
    key_places: NDArray[np.int64]
    key_sizes: NDArray[np.int64]
    shape: bytes


def write_sparse(stream: BinaryIO, features: Csr, batch: Batch, done: int) -> None:
    """Raises DataError where a row is longer than a frame, or not right; `done` came before."""
    check_sparse(features, done)
    labels = label_matrix(label_blocks(batch), batch.rows)
    for start, end in slices(features.indptr):
        stream.write(records(slice_of(features, start, end), labels[start:end]).data)


def slices(indptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    start, rows = 0, len(indptr) - 1
    while start < rows:
        full = int(np.searchsorted(indptr, indptr[start] + NUMBERS, side="right")) - 1
        end = max(start + 1, min(full, start + ROWS, rows))
        yield start, end
        start = end


def slice_of(features: Csr, start: int, end: int) -> Slice:
    indptr = features.indptr[start : end + 1].astype(np.int64)
    keys = features.indices[indptr[0] : indptr[-1]]
    places = np.concatenate([[0], np.cumsum(varint_sizes(keys))])
    return Slice(
        counts=np.diff(indptr),
        keys=keys,
        values=features.values[indptr[0] : indptr[-1]],
        key_places=places[:-1],
        key_sizes=np.diff(places[indptr - indptr[0]]),
        shape=message(SHAPE, encoded(features.columns)),
    )


def records(rows: Slice, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames of these rows. `labels`: (rows, bytes), the label's entries encoded."""
    filled = rows.counts > 0
    values = np.where(filled, spanning(4 * rows.counts), 0)
    keys = np.where(filled, spanning(rows.key_sizes), 0)
    tensor = values + keys + len(rows.shape)
    value = spanning(tensor)
    entry = len(TO_VALUE) + varint_sizes(value) + value
    payload = spanning(entry) + labels.shape[1]
    if payload.max() > LONGEST_PAYLOAD:
        raise too_long()
    ends = np.cumsum(HEADER + (payload + 3 & ~3))
    out = np.zeros(int(ends[-1]), np.uint8)
    at = np.concatenate([[0], ends[:-1]])
    head = out.view("<u4")
    head[at // 4], head[at // 4 + 1] = MAGIC, payload
    at = put_length(out, at + HEADER, b"\x0a", entry)
    at = put_length(out, at, TO_VALUE, value)
    at = put_length(out, at, b"\x12", tensor)
    if not filled.all():
        at[filled] = put_numbers(out, at[filled], rows, filled)
    else:
        at = put_numbers(out, at, rows, filled)
    at = put_rows(out, at, np.frombuffer(rows.shape, np.uint8))
    put_rows(out, at, labels)
    return out


def spanning(size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bytes of a field with a tag of one byte, whose content has that many."""
    return 1 + varint_sizes(size) + size


def put_length(
    out: NDArray[np.uint8], at: NDArray[np.int64], literal: bytes, size: NDArray[np.int64]
) -> NDArray[np.int64]:
    return put_varints(out, put_rows(out, at, np.frombuffer(literal, np.uint8)), size)


def put_rows(
    out: NDArray[np.uint8], at: NDArray[np.int64], content: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """The same number of bytes at each place: one for all, or (places, bytes)."""
    size = int(content.shape[-1])
    if size:
        as_strided(out, (len(out) - size + 1, size), (1, 1))[at] = content
    return at + size


def put_numbers(
    out: NDArray[np.uint8], at: NDArray[np.int64], rows: Slice, filled: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Values and keys of the rows that have any."""
    counts, key_sizes = rows.counts[filled], rows.key_sizes[filled]
    at = put_length(out, at, b"\x0a", 4 * counts)
    first = np.cumsum(counts) - counts
    if (counts == counts[:1]).all() and len(counts):
        put_rows(out, at, rows.values.astype("<f4").view(np.uint8).reshape(len(counts), -1))
    else:
        places = np.repeat(at - 4 * first, counts) + 4 * np.arange(len(rows.values))
        floats = np.ndarray(len(out) - 3, "<f4", out, strides=(1,))
        floats[places] = rows.values
    at = put_length(out, at + 4 * counts, b"\x12", key_sizes)
    if len(counts):
        put_varints(
            out, np.repeat(at - rows.key_places[first], counts) + rows.key_places, rows.keys
        )
    return at + key_sizes
