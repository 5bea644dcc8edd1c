"""What a record must be to be a row, and what the records of one file must have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types import record_message
from container_toolkit.content_types.protobuf_wire import WireError
from container_toolkit.content_types.record_message import KEYS, SHAPE
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.codec import Reading
    from container_toolkit.content_types.record_message import Tensor

NAME, WEIGHT = "values", "weights"  # of the features and the label, and of the weight, in the maps
WIDEST = (1 << 31) - 1  # columns, as int32 indices have them


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """`keys` int32, ascending, are the columns of `values`; None where the row is dense.

    `width`: the columns that the record says it has. `weight` holds one, or none is read.
    """

    keys: NDArray[np.int32] | None
    values: Floats
    label: Floats
    weight: Floats
    width: int | None


class Rules:
    """Judges the records of the file `name`; the first of them settle what the others must be.

    `sparse`: all records are, or none; None before the first. A record without features is a sparse
    one that is empty. `columns`: of all records; None while none has told (an empty one need not).
    `labels`: label values of each record; None before the first.
    """

    def __init__(self, name: str, reading: Reading) -> None:
        self.name = name
        self.reading = reading
        self.sparse: bool | None = None
        self.columns: int | None = None
        self.labels: int | None = reading.label_size or None

    def row(self, payload: bytes, number: int) -> Row:
        """Record `number`, 1-based. Raises DataError saying what it lacks."""
        try:
            message = record_message.message(payload)
            only(message.features, {NAME}, "feature")
            only(message.label, {NAME, *[WEIGHT] * self.reading.weights}, "label")
            keys, values, width = self.features(message.features.get(NAME))
            label = self.label(message.label.get(NAME))
            weight = self.weight(message.label.get(WEIGHT))
        except WireError as error:
            raise DataError(f"{self.name} record {number}: {error}.") from None
        return Row(keys=keys, values=values, label=label, weight=weight, width=width)

    def features(
        self, tensor: Tensor | None
    ) -> tuple[NDArray[np.int32] | None, Floats, int | None]:
        """Keys, values and width of a row."""
        if tensor is None:
            self.settle(sparse=True, width=None)
            return np.empty(0, np.int32), np.empty(0, np.float32), None
        values = float32(tensor.numbers(), "feature")
        keys = tensor.whole(KEYS)
        width = width_of(tensor)
        if len(keys) or not len(values):
            if len(keys) and width is None:
                raise WireError("it has keys but no shape, so nobody knows how many columns")
            self.settle(sparse=True, width=width)
            return *sparse(keys, values, width or 0), width
        if width not in (None, len(values)):
            raise WireError(f"its shape says {width} columns, but it has {len(values)} values")
        self.settle(sparse=False, width=len(values))
        return None, values, len(values)

    def settle(self, *, sparse: bool, width: int | None) -> None:
        """Hold a record against those before it."""
        limit = self.reading.columns
        if self.sparse is None:
            self.sparse = sparse
        if sparse and not self.sparse:
            what = "without features" if width is None else "sparse"
            raise WireError(f"it is {what}, but the records before it are dense")
        if self.sparse and not sparse:
            raise WireError("it is dense, but the records before it are sparse")
        if width is None:
            return
        if limit is not None and (width > limit or (width < limit and not sparse)):
            raise WireError(f"it has {width} columns, but {limit} are expected")
        if self.columns not in (None, width):
            raise WireError(f"it has {width} columns, but the records before it {self.columns}")
        self.columns = width

    def label(self, tensor: Tensor | None) -> Floats:
        label = label_values(tensor, "label")
        if self.labels is None:
            self.labels = len(label)
        if len(label) == self.labels:
            return label
        if self.reading.label_size and not len(label):
            raise WireError("it has no label (values of the map entry 'values'), and one is needed")
        whose = "are expected" if self.reading.label_size else "have those before it"
        raise WireError(f"it has {len(label)} label values, but {self.labels} {whose}")

    def weight(self, tensor: Tensor | None) -> Floats:
        weight = label_values(tensor, "weight")
        if len(weight) != self.reading.weights:
            raise WireError(f"it has {len(weight)} weights (map entry {WEIGHT!r}), one is needed")
        if (weight < 0).any():
            raise WireError(f"its weight is {weight[0]:g}; a weight is not negative")
        return weight


def only(tensors: Mapping[str, Tensor | None], known: set[str], what: str) -> None:
    """Refuse what would be lost: entries of a map that nobody reads."""
    for name in tensors:
        if name == WEIGHT and what == "label":
            meant = "which is read only where the job says that the data has weights"
        else:
            meant = f"and only {NAME!r} is read; name it so, or leave it out"
        if name not in known:
            raise WireError(f"it has a {what} of the name {name!r}, {meant}")


def width_of(tensor: Tensor) -> int | None:
    """The columns that the tensor's shape says: [n], or [1, n] for one row of a matrix."""
    shape = [int(size) for size in tensor.whole(SHAPE)]
    if not shape:
        return None
    if len(shape) > 2 or (len(shape) == 2 and shape[0] != 1):
        raise WireError(f"its shape is {shape[:8]}, but a row's is [columns] or [1, columns]")
    if shape[-1] > WIDEST:
        raise WireError(f"its shape says {shape[-1]} columns; {WIDEST} is the most")
    return shape[-1]


def sparse(
    keys: NDArray[np.uint64], values: Floats, width: int
) -> tuple[NDArray[np.int32], Floats]:
    """Keys and values by ascending key."""
    if len(keys) != len(values):
        raise WireError(f"it has {len(keys)} keys, but {len(values)} values")
    if np.isnan(values).any():
        raise WireError(
            f"its value {int(np.argmax(np.isnan(values))) + 1} is not a number; leave out what is"
            " missing"
        )
    if (keys >= width).any():
        raise WireError(f"it has the key {keys.max()}, but its shape says {width} columns")
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    twice = keys[1:] == keys[:-1]
    if twice.any():
        raise WireError(f"it has the key {keys[:-1][twice][0]} twice")
    return keys.astype(np.int32), values[order]


def label_values(tensor: Tensor | None, what: str) -> Floats:
    """The values of a label or weight: dense, and each a number."""
    if tensor is None:
        return np.empty(0, np.float32)
    if len(tensor.whole(KEYS)):
        raise WireError(f"its {what} is sparse; write all of its values")
    values = float32(tensor.numbers(), what)
    if width_of(tensor) not in (None, len(values)):
        raise WireError(f"its {what} has {len(values)} values, but another shape")
    if np.isnan(values).any():
        raise WireError(f"its {what} is not a number (NaN)")
    return values


def float32(numbers: NDArray[np.float64], what: str) -> Floats:
    """Rounded to float32, where NaN may stay NaN, but a finite number must stay finite."""
    with np.errstate(over="ignore"):
        values = numbers.astype(np.float32)
    wrong = np.isinf(values)
    if not wrong.any():
        return values
    at = int(np.argmax(wrong))
    why = "infinite" if np.isinf(numbers[at]) else f"{numbers[at]:g}, which float32 can't hold"
    raise WireError(f"{what} {at + 1} is {why}")
