"""The columns of a Parquet table as float32, each checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.codec import Reading


@dataclass(frozen=True, kw_only=True)
class Column:
    """`position` is 0-based. `needed`: no value may be missing. `vector`: it holds lists."""

    file: str
    name: str
    position: int
    needed: bool
    vector: bool = False

    def numbers(self, table: Any, done: int) -> Floats:
        """(rows,) of a record batch before which `done` rows came; (rows, length) of lists.

        Raises DataError for what float32 does not hold, or is missing where it is needed.
        """
        array = table.column(self.position)
        if not self.vector:
            return self.narrowed(array, done)
        length = self.length(array, done)
        cells = self.narrowed(array.flatten(), done, length)
        return cells.reshape(len(array), length)

    def narrowed(self, array: Any, done: int, length: int = 1) -> Floats:
        wide = doubles(array)
        with np.errstate(over="ignore"):
            narrow: Floats = wide.astype(np.float32)
        wrong = np.isinf(narrow)
        if self.needed:
            wrong |= np.isnan(narrow)
        if not wrong.any():
            return narrow
        at = int(np.argmax(wrong))
        value = wide[at]
        what = "the value is missing" if np.isnan(value) else f"{value:g} is not a 32-bit float"
        raise DataError(f"{self.place(done + at // length)}: {what}.")

    def length(self, array: Any, done: int) -> int:
        """Of each list; they are equally long."""
        import pyarrow.compute

        lengths = pyarrow.compute.list_value_length(array).fill_null(-1).to_numpy()
        first = int(lengths[0])
        wrong = (lengths != first) | (lengths < 1)
        if wrong.any():
            at = int(np.argmax(wrong))
            found = "no list" if lengths[at] < 0 else f"a list of {lengths[at]} values"
            expected = f"the first has {first}" if first > 0 else "each needs as many as the first"
            raise DataError(f"{self.place(done + at)}: there is {found}, but {expected}.")
        return first

    def place(self, row: int) -> str:
        return f"{self.file} row {row + 1}, column {self.position + 1} ({self.name!r})"


def columns_of(
    schema: Any, file: str, reading: Reading
) -> tuple[list[Column], Column | None, list[Column]]:
    """(label, weight, features). Raises DataError for a column that holds no numbers."""
    before = reading.label_size + reading.weights
    if len(schema) <= before:
        raise DataError(
            f"{file} has {len(schema)} columns, but needs {before} for label and weight and at"
            " least one feature."
        )
    columns = []
    for position, field in enumerate(schema):
        vector = listed(field.type) and position == before == len(schema) - 1
        if not numeric(field.type.value_type if vector else field.type):
            raise DataError(
                f"{file} column {position + 1} ({field.name!r}) holds {str(field.type)[:80]};"
                " a column of numbers is needed."
            )
        columns.append(
            Column(
                file=file,
                name=field.name,
                position=position,
                needed=position < before,
                vector=vector,
            )
        )
    weight = columns[reading.label_size] if reading.weights else None
    return columns[: reading.label_size], weight, columns[before:]


def numeric(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
    )


def listed(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def doubles(array: Any) -> NDArray[np.float64] | Floats:
    """As 64-bit floats, or as they are where they are 32-bit ones; null is NaN."""
    import pyarrow

    if pyarrow.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type not in (pyarrow.float32(), pyarrow.float64()):
        array = array.cast(pyarrow.float64(), safe=False)
    numbers: NDArray[np.float64] | Floats = array.to_numpy(zero_copy_only=False)
    return numbers
