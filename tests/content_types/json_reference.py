"""A slow second reading of JSON instances, for the fuzzers to compare with."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading

READINGS = (
    Reading(label_size=0),
    Reading(),
    Reading(label_size=2),
    Reading(label_size=0, columns=3),
)


class Invalid(Exception):
    pass


def value_of(text: str) -> Any:
    """Objects as lists of pairs in a `Pairs`; numbers as `Number` with their text."""
    try:
        return json.loads(
            text,
            object_pairs_hook=Pairs,
            parse_constant=refuse,
            parse_int=Number,
            parse_float=Number,
        )
    except (ValueError, RecursionError):
        raise Invalid from None


class Number(str):
    __slots__ = ()


class Pairs:
    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.keys = {key for key, _ in pairs}
        self.found = dict(pairs)
        if len(self.keys) != len(pairs):
            raise Invalid

    def only(self, *allowed: str) -> dict[str, Any]:
        if not self.keys <= {*allowed}:
            raise Invalid
        return self.found


def refuse(_constant: str) -> None:
    raise Invalid


def rows(instances: list[Any], reading: Reading) -> list[tuple[Any, ...]]:
    """As `rows_of` has them; raises Invalid."""
    found = [row_of(instance, reading) for instance in instances]
    widths = {row[0] for row in found} | ({reading.columns} - {None})
    if len(widths) > 1 or 0 in widths:
        raise Invalid
    if len({row[4] is None for row in found}) > 1 or len({row[1] is None for row in found}) > 1:
        raise Invalid
    return found


def row_of(instance: Any, reading: Reading) -> tuple[Any, ...]:
    """(width, keys or None, values' bits, label's bits or None, weight's bits or None)."""
    label = weight = keys = shape = None
    features = instance
    if isinstance(instance, Pairs):
        outer = instance.only("features", "data", "label", "weight")
        weight = outer.get("weight")
        if "data" in outer:
            instance.only("data", "weight")
            if not isinstance(outer["data"], Pairs):
                raise Invalid
            outer = outer["data"].only("features", "label")
        features, label = outer.get("features"), outer.get("label")
        if isinstance(label, Pairs):
            in_data = "data" in instance.keys
            label = label.only("values").get("values") if in_data else [label]
        if isinstance(features, Pairs):
            tensor = features.only("values", "keys", "shape")
            features = tensor.get("values")
            if "shape" in tensor:
                shape = shape_of(tensor["shape"])
            if "keys" in tensor:
                keys = tensor["keys"]
                if shape is None or not isinstance(keys, list):
                    raise Invalid
    if not isinstance(features, list):
        raise Invalid
    values = [bits(cell, null=True) for cell in features]
    if keys is None:
        width = len(values) if shape is None else shape
        if width != len(values):
            raise Invalid
    else:
        width = shape
        numbers = [integer(key) for key in keys]
        if len(numbers) != len(values) or len(set(numbers)) != len(numbers):
            raise Invalid
        if any(not 0 <= number < width for number in numbers):
            raise Invalid
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        keys, values = tuple(numbers[i] for i in order), [values[i] for i in order]
    return width, keys, b"".join(values), label_of(label, reading), weight_of(weight)


def label_of(label: Any, reading: Reading) -> bytes | None:
    if not reading.label_size:
        return None
    cells = label if isinstance(label, list) else [label]
    if label is None or len(cells) != reading.label_size:
        raise Invalid
    return b"".join(bits(cell) for cell in cells)


def weight_of(weight: Any) -> bytes | None:
    return None if weight is None else bits(weight)


def shape_of(shape: Any) -> int:
    if not isinstance(shape, list) or len(shape) != 1:
        raise Invalid
    number = integer(shape[0])
    if not 0 < number < 2**31:
        raise Invalid
    return number


def integer(cell: Any) -> int:
    if not isinstance(cell, Number) or not float(cell).is_integer():
        raise Invalid
    return int(float(cell))


def bits(cell: Any, null: bool = False) -> bytes:
    if cell is None and null:
        return struct.pack("<f", float("nan"))
    if not isinstance(cell, Number):
        raise Invalid
    with np.errstate(over="ignore"):
        number = np.float32(float(cell))
    if not np.isfinite(number):
        raise Invalid
    return number.tobytes()


def rows_of(batches: list[Batch]) -> list[tuple[Any, ...]]:
    found = []
    for batch in batches:
        assert batch.rows, "an empty batch"
        for i in range(batch.rows):
            keys, values = None, None
            if isinstance(batch.features, Csr):
                span = slice(batch.features.indptr[i], batch.features.indptr[i + 1])
                keys = tuple(batch.features.indices[span].tolist())
                values = batch.features.values[span].tobytes()
            else:
                assert batch.features.flags.c_contiguous
                assert batch.features.dtype == np.float32
                values = batch.features[i].tobytes()
            label = None if batch.labels is None else batch.labels[i].tobytes()
            weight = None if batch.weights is None else batch.weights[i].tobytes()
            found.append((batch.columns, keys, values, label, weight))
    return found


SEEDS = [
    b'{"features": [1, 2.5, null], "label": 1, "weight": 0.5}',
    b'{"features": [1, 2.5, -3e-2], "label": [0, 1]}',
    b'{"data": {"features": {"values": [1, 2, 3]}, "label": {"values": [1]}}}',
    b'{"data": {"features": {"keys": [2, 0], "shape": [3], "values": [1.5, 2]}}, "weight": 1}',
    b"[1, 2, 3]",
    b'[true, "1", 1e39]',
    b'{"features": [1], "features": [2]}',
    b"[NaN, -Infinity, " + b"9" * 50 + b"]",
]
