"""What the CSV decoder makes of any bytes: right, or a DataError; the same on each of its ways."""

from __future__ import annotations

import csv
import io
import math
import struct
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types import csv as codec
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.content_types.batch import Batch

BOM = b"\xef\xbb\xbf"
NEVER = 1 << 40  # bytes: always Python
READINGS = (
    Reading(label_size=0),
    Reading(),
    Reading(label_size=2, weights=True),
    Reading(label_size=0, parameters={"missing": "nan"}),
    Reading(label_size=0, parameters={"missing": "NA", "delimiter": "semicolon"}),
    Reading(parameters={"header": "present", "delimiter": "tab"}),
)


def check(data: bytes) -> None:
    for reading in READINGS:
        by_arrow = outcome(data, reading, small=0)
        assert by_arrow == outcome(data, reading, small=NEVER), "Arrow and Python differ"
        by_blocks = outcome(data, reading, small=0, block=7)
        if isinstance(by_arrow, str):  # whether row 1 is called a header depends on seeing row 2
            assert isinstance(by_blocks, str), "read in small blocks only"
        else:
            assert by_arrow == by_blocks, "blocks differ"
            assert by_arrow == reference(data, reading), "not what the text says"


def outcome(
    data: bytes, reading: Reading, *, small: int, block: int = codec.BLOCK
) -> list[bytes] | str:
    """The rows, each as its float32 bytes in the file's order of columns; or the error."""
    try:
        batches = codec.read(io.BytesIO(data), "data", reading, block, small)
        return [row for batch in batches for row in rows_of(batch, reading)]
    except DataError as error:
        return str(error)


def rows_of(batch: Batch, reading: Reading) -> list[bytes]:
    assert batch.rows, "an empty batch"
    assert (batch.labels is None) == (not reading.label_size)
    assert (batch.weights is None) == (not reading.weights)
    parts = [batch.labels, batch.weights, batch.features]
    table = np.concatenate(
        [np.reshape(part, (batch.rows, -1)) for part in parts if part is not None], 1
    )
    assert table.dtype == np.float32
    table[np.isnan(table)] = np.nan  # of one bit pattern
    return [row.tobytes() for row in table]


def reference(data: bytes, reading: Reading) -> list[bytes]:
    """Slow, and another's work: Python's csv and exact fractions."""
    delimiter = {"semicolon": ";", "tab": "\t"}.get(reading.parameters.get("delimiter", ""), ",")
    lines = data.removeprefix(BOM).decode().split("\n")
    lines = [line.removesuffix("\r") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if reading.parameters.get("header") == "present":
        del lines[:1]
    rows = []
    for line in lines:
        (cells,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
        numbers = [number(cell.strip(" \t"), reading.parameters) for cell in cells]
        beside = reading.label_size + reading.weights
        assert len(numbers) > beside, "too few columns"
        assert all(math.isfinite(value) for value in numbers[:beside]), "a label that is missing"
        assert not reading.weights or numbers[beside - 1] >= 0, "a negative weight"
        rows.append(np.array(numbers, np.float32).tobytes())
    assert len({len(row) for row in rows}) < 2, "ragged rows"
    return rows


def number(cell: str, parameters: Mapping[str, str]) -> float:
    word = parameters.get("missing")
    if len(cell) > 1 and cell[0] == cell[-1] == '"':  # csv leaves quotes after a tab
        cell = cell[1:-1].strip(" \t")
    if not cell or cell == word or (word == "nan" and cell.lower() == "nan"):
        return math.nan
    assert set(cell) <= set("0123456789+-.eE"), f"{cell!r} is no decimal number"
    double = float(cell)
    if double == 0:
        return double
    assert math.isfinite(double), f"{cell!r} is beyond float32"
    return nearest(Fraction(Decimal(cell)), double)


def nearest(exact: Fraction, double: float) -> float:
    """The float32 nearest to `exact`, which is about `double`; of two as near, the even one."""
    with np.errstate(over="ignore", under="ignore"):
        about = np.float32(double)
        toward = [np.nextafter(about, np.float32(end)) for end in (-np.inf, np.inf)]
    candidates = {float(value) for value in (about, *toward)}
    values = [
        math.copysign(2.0**128, value) if math.isinf(value) else value for value in candidates
    ]

    def distance(value: float) -> tuple[Fraction, int]:
        odd = 0 if abs(value) >= 2.0**128 else struct.unpack("I", struct.pack("f", value))[0] & 1
        return abs(Fraction(value) - exact), odd

    found = min(values, key=distance)
    assert abs(found) < 2.0**128, "beyond float32"
    return math.copysign(found, double)


def seeds() -> list[bytes]:
    return [
        b"1,2,3,4\n5,6,7,8\n",
        b"1,2.5,,-4e-3\r\n0,1E5,+.5,6.\r\n",
        BOM + b"1,2,3,4",
        b'"1","2.5","","4"\n1, 2 ,\t3,"4"\n',
        b'1,2,3,"4"5\n1,2,"3""","4\n',
        b"1,2,nan,NaN\n1,2,NA,3\n",
        b"inf,-Infinity,1e39,1e-50\n",
        b'1;NA;3\n;"";2\n',
        b"a\tb\tc\n1\t2\t3\n",
        b"label,x,y,z\n1,2,3,4\n",
        b"1,2,3\n1,2\n",
        b"1,2,3,4\n\n5,6,7,8\n\n",
        b'1\n""\n2\n\n',
        b"1,2,3,4\r5,6,7,8\r\n",
        b"1,2\x00,0x10,1_000\n",
        b"1,\xff,\xc2\xa02,\xd9\xa1\n",
        b"16777217,3.4028235677973366e38,7.006492321624086e-46,1.00000005960464477539062500001\n",
        b"340282356779733661637539395458142568448,1,340282356779733661637539395458142568447,2\n",
    ]
