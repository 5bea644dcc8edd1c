"""What every codec reads into and writes from: rows of float32, dense or sparse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Csr:
    """Sparse rows: row i holds `values[indptr[i]:indptr[i + 1]]` in the columns `indices[...]`.

    `indptr` int64 of length rows + 1, `indices` int32, 0-based and ascending within a row, `values`
    float32. `columns`: as wide as the data says so far, which a later batch may exceed unless the
    format or `Reading.columns` fixes it.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: Floats
    columns: int

    @property
    def rows(self) -> int:
        return len(self.indptr) - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some rows of a data set.

    `features`: (rows, columns) float32, C-contiguous; NaN is a cell that was left empty. Or sparse,
    where what is not there is missing. `labels`: (rows,), or (rows, label_size) where that is over
    1; None where there are none. `weights`: (rows,) or None. `groups`: (rows,) int64 query ids of
    ranking data, or None.
    """

    features: Floats | Csr
    labels: Floats | None = None
    weights: Floats | None = None
    groups: NDArray[np.int64] | None = None

    @property
    def rows(self) -> int:
        return self.features.rows if isinstance(self.features, Csr) else len(self.features)

    @property
    def columns(self) -> int:
        if isinstance(self.features, Csr):
            return self.features.columns
        return int(self.features.shape[1])
