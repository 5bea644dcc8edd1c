"""JSON instances as batches, for both codecs that have them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.json_instances import Instance, Wrong, instance, shown
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.codec import Reading

NUMBERS: frozenset[type] = frozenset({float})
CELLS: frozenset[type] = frozenset({float, type(None)})


class Rows:
    """Makes batches of a stream's instances and sees that all of them are alike."""

    def __init__(self, name: str, reading: Reading) -> None:
        self.name = name
        self.reading = reading
        self.sparse: bool | None = None
        self.weighted: bool | None = None
        self.columns = reading.columns

    def batch(self, written: Sequence[Any], where: Callable[[int], str]) -> Batch:
        """`written` as `json_text.loads` gave it, and some; `where(i)` names the i-th.

        With `label_size` 0 labels are left unread. Raises DataError naming the instance and, where
        there is one, the column, from 1.
        """
        rows: list[Instance] = []
        for number, each in enumerate(written):
            try:
                row = instance(each)
                self.agree(row)
            except Wrong as error:
                raise DataError(f"{where(number)}: {error}.") from None
            rows.append(row)
        return Batch(
            features=self.csr(rows, where) if self.sparse else self.dense(rows, where),
            labels=self.labels(rows, where),
            weights=self.weights(rows, where),
        )

    def agree(self, row: Instance) -> None:
        """Raises Wrong where a row is not as those before, or as `reading` has them."""
        sparse, weighted = row.keys is not None, row.weight is not None
        if self.sparse not in (None, sparse):
            raise Wrong(f"it is {'sparse' if sparse else 'dense'}, those before are not")
        if self.weighted not in (None, weighted):
            raise Wrong(f"it has {'a' if weighted else 'no'} weight; all have one or none has")
        columns = len(row.values) if row.shape is None else row.shape
        if columns == 0:
            raise Wrong("it has no features")
        if self.columns not in (None, columns):
            expected = "those before have" if self.sparse is not None else "there must be"
            raise Wrong(f"it has {columns} features, but {expected} {self.columns}")
        if self.reading.label_size and row.label is None:
            raise Wrong("it has no label; training data needs one in each instance")
        self.sparse, self.weighted, self.columns = sparse, weighted, columns

    def dense(self, rows: list[Instance], where: Callable[[int], str]) -> Floats:
        columns = self.columns or 0
        found = floats([row.values for row in rows], CELLS)
        if isinstance(found, Bad):
            place = f"{where(found.row)}, column {found.position + 1}"
            raise DataError(f"{place}: {found.what}.")
        return found.reshape(len(rows), columns)

    def csr(self, rows: list[Instance], where: Callable[[int], str]) -> Csr:
        columns = self.columns or 0
        values = floats([row.values for row in rows], CELLS)
        if isinstance(values, Bad):
            place = f"{where(values.row)}, value {values.position + 1}"
            raise DataError(f"{place}: {values.what}.")
        indptr = np.cumsum([0, *(len(row.values) for row in rows)], dtype=np.int64)
        indices = keys(rows, columns, where)
        order = ordered(indices, indptr)
        indices = indices[order]
        twice = indices[1:] == indices[:-1]
        heads = indptr[1:-1]
        twice[heads[(heads > 0) & (heads < len(indices))] - 1] = False
        if twice.any():
            at = int(np.argmax(twice))
            number = int(np.searchsorted(indptr, at, "right")) - 1
            raise DataError(f"{where(number)}: the key {indices[at]} comes twice.")
        return Csr(indptr=indptr, indices=indices, values=values[order], columns=columns)

    def labels(self, rows: list[Instance], where: Callable[[int], str]) -> Floats | None:
        size = self.reading.label_size
        if not size:
            return None
        lists = [row.label if isinstance(row.label, list) else [row.label] for row in rows]
        for number, label in enumerate(lists):
            if len(label) != size:
                raise DataError(f"{where(number)}: the label has {len(label)} values, not {size}.")
        found = floats(lists, NUMBERS)
        if isinstance(found, Bad):
            raise DataError(f"{where(found.row)}, label: {found.what}.")
        return found if size == 1 else found.reshape(len(rows), size)

    def weights(self, rows: list[Instance], where: Callable[[int], str]) -> Floats | None:
        if not self.weighted:
            return None
        found = floats([[row.weight] for row in rows], NUMBERS)
        if isinstance(found, Bad):
            raise DataError(f"{where(found.row)}, weight: {found.what}.")
        return found


class Bad:
    """The first cell that is no number: in which row, at which position, both from 0."""

    def __init__(self, row: int, position: int, what: str) -> None:
        self.row = row
        self.position = position
        self.what = what


def floats(rows: list[list[Any]], types: frozenset[type]) -> Floats | Bad:
    """All cells in one array; null is NaN. `types`: what a cell may be."""
    cells = list(chain.from_iterable(rows))
    # Asked of each cell: numpy would take true for 1 and "2.5" for 2.5.
    if set(map(type, cells)) <= types:
        with np.errstate(over="ignore"):
            found = np.array(cells, np.float64).astype(np.float32)
        if not np.isinf(found).any():
            return found
    for row, each in enumerate(rows):
        for position, cell in enumerate(each):
            if type(cell) not in types:
                return Bad(row, position, f"{shown(cell)} is not a number")
            if cell is not None and narrow_is_infinite(cell):
                return Bad(row, position, "the number is beyond a 32-bit float")
    raise AssertionError


def keys(rows: list[Instance], columns: int, where: Callable[[int], str]) -> NDArray[np.int32]:
    found = [key for row in rows for key in row.keys or ()]
    if set(map(type, found)) <= NUMBERS:
        written = np.array(found, np.float64)
        inside = (written >= 0) & (written < columns)
        if (inside & (written == np.floor(written))).all():
            return written.astype(np.int32)
    for number, row in enumerate(rows):
        for position, key in enumerate(row.keys or (), 1):
            if type(key) is not float or not key.is_integer() or not 0 <= key < columns:
                raise DataError(
                    f"{where(number)}, key {position}: {shown(key)} is not a column from 0 to"
                    f" {columns - 1}."
                )
    raise AssertionError


def narrow_is_infinite(number: float) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isinf(np.float32(number)))


def ordered(indices: NDArray[np.int32], indptr: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order that makes indices ascend within each row; the format asks for none."""
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return np.lexsort((indices, rows))
