"""One record, read by the schema `aialgs.data.Record` whatever way it is encoded; slow and exact.

    Record  features = 1, label = 2: maps of string (key 1) to Value (value 2); 3 to 5 are not data
    Value   one of Float32Tensor 2, Float64Tensor 3, Int32Tensor 7, Bytes 9
    Tensor  values = 1, keys = 2, shape = 3: repeated, packed or not

As in Protocol Buffers itself: fields in any order, a later entry of a map replaces one of its name,
a message that comes twice is merged, and a field that the schema doesn't have is skipped. Not as
there: what a parser would skip and numbers lie in is refused, i.e. a field of the schema with
another wire type, and an unknown one in a Value or in an entry of a map (parsers differ on those).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.content_types.protobuf_wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    WireError,
    fields,
    varints,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES, LABEL = 1, 2  # fields of a record
FLOAT32, FLOAT64, INT32, BLOB = 2, 3, 7, 9  # of a value
VALUES, KEYS, SHAPE = 1, 2, 3  # of a tensor
UNPACKED = {FLOAT32: FIXED32, FLOAT64: FIXED64, INT32: VARINT}
TYPES = {FLOAT32: "<f4", FLOAT64: "<f8"}


@dataclass(kw_only=True, eq=False)
class Tensor:
    """`kind` is one of FLOAT32, FLOAT64, INT32; the pieces of its fields are in order."""

    kind: int
    pieces: dict[int, list[NDArray[Any]]] = field(default_factory=dict)

    def numbers(self) -> NDArray[np.float64]:
        """The values; float64 holds those of every kind."""
        return np.concatenate([np.empty(0, np.float64), *self.pieces.get(VALUES, [])])

    def whole(self, which: int) -> NDArray[np.uint64]:
        """KEYS or SHAPE."""
        return np.concatenate([np.empty(0, np.uint64), *self.pieces.get(which, [])])


@dataclass(kw_only=True, eq=False)
class Message:
    """The tensors of a record by name; None where an entry has a name and no value."""

    features: dict[str, Tensor | None] = field(default_factory=dict)
    label: dict[str, Tensor | None] = field(default_factory=dict)


def message(payload: bytes) -> Message:
    """Raises WireError, the end of a sentence about the record."""
    read = Message()
    for number, wire, content in fields(payload):
        if number not in (FEATURES, LABEL):
            continue
        name, tensor = entry(_bytes(content, wire, "the map of features or labels"))
        (read.features if number == FEATURES else read.label)[name] = tensor
    return read


def entry(content: bytes) -> tuple[str, Tensor | None]:
    name = b""
    tensor = None
    for number, wire, value in fields(content):
        if number == 1:
            name = _bytes(value, wire, "a name in a map")
        elif number == 2:
            tensor = merged_value(_bytes(value, wire, "a Value"), tensor)
        else:
            raise WireError(f"an entry of a map has a field {number}, of which nothing is known")
    return name.decode("utf-8", "backslashreplace"), tensor


def merged_value(content: bytes, tensor: Tensor | None) -> Tensor | None:
    """`tensor` with what `content` adds to it, or what replaces it: the last kind counts."""
    for number, wire, value in fields(content):
        if number == BLOB:
            raise WireError("it holds Bytes (e.g. an image), and only numbers are read")
        if number not in UNPACKED:
            raise WireError(f"a Value has its content in field {number}, of which nothing is known")
        if tensor is None or tensor.kind != number:
            tensor = Tensor(kind=number)
        add_fields(tensor, _bytes(value, wire, "a tensor"))
    return tensor


def add_fields(tensor: Tensor, content: bytes) -> None:
    for number, wire, value in fields(content):
        if number not in (VALUES, KEYS, SHAPE):
            continue
        kind = tensor.kind if number == VALUES else 0
        if wire == UNPACKED.get(kind, VARINT):
            single = value if isinstance(value, bytes) else value.to_bytes(8, "little")
            piece = decoded(kind, np.frombuffer(single, np.uint8), packed=False)
        else:
            packed = _bytes(value, wire, ("", "values", "keys", "shape")[number])
            piece = decoded(kind, np.frombuffer(packed, np.uint8), packed=True)
        tensor.pieces.setdefault(number, []).append(piece)


def decoded(kind: int, content: NDArray[np.uint8], *, packed: bool) -> NDArray[Any]:
    """Numbers of a tensor; `kind` 0 is that of keys and shape."""
    if kind in TYPES:
        if len(content) % np.dtype(TYPES[kind]).itemsize:
            raise WireError(f"values of {len(content)} bytes are no whole number of them")
        with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
            return content.view(TYPES[kind]).astype(np.float64)
    numbers = varints(content) if packed else content.view("<u8").astype(np.uint64)
    return int32(numbers).astype(np.float64) if kind == INT32 else numbers


def int32(numbers: NDArray[np.uint64]) -> NDArray[np.int32]:
    """The low 32 bits of each, as a parser of int32 takes them."""
    low: NDArray[np.uint32] = (numbers & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    signed: NDArray[np.int32] = low.view(np.int32)
    return signed


def _bytes(value: bytes | int, wire: int, what: str) -> bytes:
    if wire != BYTES or isinstance(value, int):
        raise WireError(f"{what} has wire type {wire}; it is no record of the schema")
    return value
