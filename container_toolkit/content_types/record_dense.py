"""Dense rows as frames of Record messages: all of one length, so they are one matrix of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.protobuf_wire import message
from container_toolkit.content_types.record_message import FEATURES, FLOAT32, LABEL, VALUES
from container_toolkit.content_types.record_numbers import check_dense
from container_toolkit.content_types.record_rules import NAME, WEIGHT
from container_toolkit.content_types.recordio_frames import HEADER, LONGEST_PAYLOAD, MAGIC
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Batch, Floats

SLICE = 1 << 20  # bytes of records made at a time, or one record


def write_dense(stream: BinaryIO, features: Floats, batch: Batch, done: int) -> None:
    """Raises DataError where a row is longer than a frame, or not right; `done` came before."""
    blocks = [(FEATURES, NAME, features), *label_blocks(batch)]
    template, places = frame(blocks)
    rows = max(1, SLICE // len(template))
    out = np.empty((min(rows, len(features)), len(template)), np.uint8)
    out[:] = template
    for start in range(0, len(features), rows):
        check_dense(features[start : start + rows], done + start)
        for (_, _, numbers), at in zip(blocks, places, strict=True):
            some = little(numbers[start : start + rows])
            out[: len(some), at : at + some.shape[1]] = some
        stream.write(out[: len(features) - start].data.cast("B"))


def label_blocks(batch: Batch) -> list[tuple[int, str, Floats]]:
    """The label's map entries, by name, as the two-dimensional numbers of each."""
    blocks = []
    for name, numbers in ((NAME, batch.labels), (WEIGHT, batch.weights)):
        if numbers is not None:
            blocks.append((LABEL, name, numbers.reshape(len(numbers), -1)))
    return blocks


def frame(blocks: Sequence[tuple[int, str, Floats]]) -> tuple[NDArray[np.uint8], list[int]]:
    """A frame with zeros for numbers, and where the numbers of each block lie in it."""
    if 4 * sum(numbers.shape[1] for _, _, numbers in blocks) > LONGEST_PAYLOAD:
        raise too_long()  # before a template of that size is made
    payload, places = b"", []
    for of_map, name, numbers in blocks:
        size = 4 * numbers.shape[1]
        payload += entry(of_map, name, bytes(size))
        places.append(HEADER + len(payload) - size)
    return np.frombuffer(framed(payload), np.uint8), places


def label_matrix(blocks: Sequence[tuple[int, str, Floats]], rows: int) -> NDArray[np.uint8]:
    """The blocks' map entries as (rows, bytes), without a frame."""
    pieces = [np.empty((rows, 0), np.uint8)]
    for of_map, name, numbers in blocks:
        content = entry(of_map, name, bytes(4 * numbers.shape[1]))
        prefix = np.frombuffer(content[: len(content) - 4 * numbers.shape[1]], np.uint8)
        pieces += [np.broadcast_to(prefix, (rows, len(prefix))), little(numbers)]
    return np.concatenate(pieces, axis=1)


def entry(of_map: int, name: str, numbers: bytes) -> bytes:
    """A map's entry with a Float32Tensor of these packed values."""
    tensor = message(VALUES, numbers) if numbers else b""
    value = message(FLOAT32, tensor)
    return message(of_map, message(1, name.encode()) + message(2, value))


def framed(payload: bytes) -> bytes:
    if len(payload) > LONGEST_PAYLOAD:
        raise too_long()
    head = MAGIC.to_bytes(4, "little") + len(payload).to_bytes(4, "little")
    return head + payload + bytes(-len(payload) % 4)


def too_long() -> DataError:
    return DataError(
        f"a row is longer than a frame of RecordIO may be ({LONGEST_PAYLOAD} bytes); write fewer"
        " columns."
    )


def little(numbers: Floats) -> NDArray[np.uint8]:
    """Rows of float32 as rows of their bytes, little endian."""
    return np.ascontiguousarray(numbers, "<f4").view(np.uint8)
