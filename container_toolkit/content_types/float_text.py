"""Numbers as text and back, for whole arrays: by Arrow where it is installed, else by Python."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats


def parsed(text: bytes, ends: NDArray[np.int32]) -> NDArray[np.float64] | None:
    """The numbers that stand in `text` without anything between them, each up to its end.

    Rounded as Python's float does; what is over a 64-bit float is inf. None where one is no number.
    """
    try:
        import pyarrow
    except ModuleNotFoundError:
        return parsed_by_python(text, ends)
    offsets = np.concatenate((np.zeros(1, np.int32), ends))
    buffers = pyarrow.py_buffer(offsets), pyarrow.py_buffer(text)
    tokens = pyarrow.StringArray.from_buffers(len(ends), *buffers)
    try:
        numbers = tokens.cast(pyarrow.float64())
    except pyarrow.ArrowInvalid:
        return None
    result: NDArray[np.float64] = numbers.to_numpy()
    return result


def parsed_by_python(text: bytes, ends: NDArray[np.int32]) -> NDArray[np.float64] | None:
    try:
        return np.array([float(text[a:b]) for a, b in pairwise([0, *ends.tolist()])], np.float64)
    except ValueError:
        return None


def texts(numbers: Floats | NDArray[np.float64]) -> list[str]:
    """The shortest text of each that reads back as the same number; nan, inf and -inf."""
    try:
        import pyarrow
    except ModuleNotFoundError:
        shortest: list[str] = numbers.astype("U").tolist()
        return shortest
    found: list[str] = pyarrow.array(numbers).cast(pyarrow.string()).to_pylist()
    return found


def json_texts(numbers: Floats | NDArray[np.float64]) -> list[str]:
    """`texts` for JSON, which has neither nan nor infinities: they are null."""
    found = texts(numbers)
    for position in np.flatnonzero(~np.isfinite(numbers)).tolist():
        found[position] = "null"
    for position in np.flatnonzero((numbers == 0) & np.signbit(numbers)).tolist():
        found[position] = "-0.0"  # -0 is an integer to most readers, and those have no sign of zero
    return found
