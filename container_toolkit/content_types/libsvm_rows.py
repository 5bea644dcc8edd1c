"""What the two readers of libsvm text share: the rules of a stream and the rows of a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from container_toolkit.content_types.batch import Batch, Csr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats

LARGEST_INDEX = 2**31 - 1  # columns are int32


class Form(NamedTuple):
    """What stands before a row's features. All rows of a stream have the same."""

    labelled: bool
    weighted: bool
    grouped: bool


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`label`: every row needs one. `base`: what the first column is called, 0 or 1.

    `columns`: how many there are, None where any number may be.
    """

    label: bool
    base: int
    columns: int | None

    @property
    def last(self) -> int:
        """The largest index that may be written."""
        last = LARGEST_INDEX if self.columns is None else self.columns - 1 + self.base
        return min(last, LARGEST_INDEX)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """A block's rows as read: like `Batch`, and `indices` are 0-based already.

    `form` is None where there are no rows.
    """

    form: Form | None
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: Floats
    labels: Floats | None
    weights: Floats | None
    groups: NDArray[np.int64] | None

    def batch(self, columns: int, labels: bool) -> Batch:
        return Batch(
            features=Csr(
                indptr=self.indptr, indices=self.indices, values=self.values, columns=columns
            ),
            labels=self.labels if labels else None,
            weights=self.weights,
            groups=self.groups,
        )


class Queries:
    """The query ids of a stream so far: the rows of each must follow one another.

    Keeps one number a query, so that one that comes back after others is seen.
    """

    def __init__(self) -> None:
        self.over: set[int] = set()
        self.current: int | None = None

    def follow(self, groups: NDArray[np.int64]) -> bool:
        """Takes a block's ids; False, and nothing taken, if one of them was over already."""
        changes = np.flatnonzero(groups[1:] != groups[:-1]) + 1
        heads: list[int] = groups[np.concatenate(([0], changes))].tolist()
        if heads[0] == self.current:
            heads = heads[1:]
        if len({*heads}) != len(heads) or self.current in heads or not self.over.isdisjoint(heads):
            return False
        if heads:
            self.over.update(heads[:-1])
            if self.current is not None:
                self.over.add(self.current)
            self.current = heads[-1]
        return True
