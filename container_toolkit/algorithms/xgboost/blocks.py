"""Features in blocks of one size, each in memory or on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from container_toolkit.algorithms.spool import Spool, Stored, aligned
from container_toolkit.content_types.batch import Csr
from container_toolkit.errors import AlgorithmError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats

# From here on the allocator gives memory back to the system at once (mallopt(3),
# M_MMAP_THRESHOLD), and a page of external memory is long enough to be worth its overhead.
BLOCK = 32 << 20  # bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """`features` in memory, or the arrays they are made of in the spool."""

    rows: int
    size: int
    features: Floats | Csr | None = None
    stored: tuple[Stored, ...] = ()


class Blocks:
    """All features of a channel, in the order they were added.

    Up to `allowance` bytes stay in memory, the rest goes to the folder `scratch`. How rows fall
    into blocks depends on neither. `columns`: the widest row's; `cells`: those that hold a value.
    """

    def __init__(self, name: str, allowance: int, scratch: str) -> None:
        self.rows = self.columns = self.cells = self.held = 0
        self.sparse = False
        self._name = name
        self._allowance = allowance
        self._scratch = scratch
        self._size = BLOCK
        self._blocks: list[Block] = []
        self._spool: Spool | None = None
        self._open: Floats | None = None  # a dense block that is being filled
        self._filled = 0  # its rows
        self._parts: list[Csr] = []  # of a sparse one
        self._parts_size = 0

    def add(self, features: Floats | Csr) -> None:
        """Raises DataError when they don't go with the others, PlatformError for a full disk."""
        sparse = isinstance(features, Csr)
        if self.rows and sparse != self.sparse:
            raise DataError(f"channel {self._name!r} has sparse and dense rows; keep to one kind.")
        self.sparse = sparse
        self.rows += rows_of(features)
        if isinstance(features, Csr):
            self._add_sparse(features)
        else:
            self._add_dense(features)

    def finish(self) -> None:
        """Seal the last block; nothing is added afterwards."""
        if self._open is not None and self._filled:
            self._seal(self._open[: self._filled])
        if self._parts:
            self._seal(stacked(self._parts))
        self._open, self._parts = None, []

    def read(self) -> Iterator[Floats | Csr]:
        """Each block's features; those from disk are good until the next block is asked for."""
        stored = [block.size for block in self._blocks if block.features is None]
        buffer = np.empty(max(stored, default=0), np.uint8)
        for number, block in enumerate(self._blocks):
            for following in self._blocks[number + 1 : number + 2]:
                self._expect(following)
            yield self._features(block, buffer)

    def spill(self) -> None:
        """Move what is in memory to disk."""
        self._allowance = 0
        for number, block in enumerate(self._blocks):
            if block.features is not None:
                self._blocks[number] = self._on_disk(block.features)
                self.held -= block.size

    def close(self) -> None:
        self._blocks = [Block(rows=block.rows, size=0) for block in self._blocks]
        self.held = 0
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _add_dense(self, features: Floats) -> None:
        rows, columns = features.shape
        if not columns:
            raise DataError(f"channel {self._name!r} has rows without features.")
        if self.columns not in (0, columns):
            raise DataError(
                f"channel {self._name!r} has rows of {self.columns} and of {columns} features."
            )
        self.columns = columns
        start = 0
        while start < rows:
            if self._open is None:
                self._open = np.empty((-(-self._size // (4 * columns)), columns), np.float32)
            part = features[start : start + len(self._open) - self._filled]
            self._open[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            start += len(part)
            if self._filled == len(self._open):
                sealed = self._seal(self._open)
                # A block on disk leaves its memory to the next one.
                self._open, self._filled = (None if sealed.features is not None else self._open), 0

    def _add_sparse(self, features: Csr) -> None:
        self.columns = max(self.columns, features.columns)
        self._parts.append(features)
        self._parts_size += sum(array.nbytes for array in arrays(features))
        if self._parts_size >= self._size:
            self._seal(stacked(self._parts))
            self._parts, self._parts_size = [], 0

    def _seal(self, features: Floats | Csr) -> Block:
        values = features.values if isinstance(features, Csr) else features
        self.cells += values.size - int(np.count_nonzero(np.isnan(values)))
        block = Block(
            rows=rows_of(features), size=sum(a.nbytes for a in arrays(features)), features=features
        )
        if self.held + block.size <= self._allowance:
            self.held += block.size
        else:
            self._allowance = 0  # what follows is to lie behind it in the file
            block = self._on_disk(features)
        self._blocks.append(block)
        return block

    def _on_disk(self, features: Floats | Csr) -> Block:
        if self._spool is None:
            self._spool = Spool(self._scratch)
        stored = tuple(self._spool.put(array) for array in arrays(features))
        size = sum(aligned(each.size) for each in stored)
        return Block(rows=rows_of(features), size=size, stored=stored)

    def _expect(self, block: Block) -> None:
        for stored in block.stored:
            if self._spool is not None:
                self._spool.expect(stored)

    def _features(self, block: Block, buffer: NDArray[np.uint8]) -> Floats | Csr:
        if block.features is not None:
            return block.features
        if self._spool is None:
            raise AlgorithmError(f"channel {self._name!r} was read after it had been closed.")
        found = []
        for stored in block.stored:
            found.append(self._spool.get(stored, buffer))
            buffer = buffer[aligned(stored.size) :]
        if not self.sparse:
            return cast("Floats", found[0])
        indptr, indices, values = found
        return Csr(indptr=indptr, indices=indices, values=values, columns=self.columns)


def rows_of(features: Floats | Csr) -> int:
    return features.rows if isinstance(features, Csr) else len(features)


def arrays(features: Floats | Csr) -> list[NDArray[Any]]:
    if isinstance(features, Csr):
        return [features.indptr, features.indices, features.values]
    return [features]


def stacked(parts: list[Csr]) -> Csr:
    """The rows of all parts, in new arrays."""
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    return Csr(
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        indices=np.concatenate([part.indices for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        columns=max(part.columns for part in parts),
    )
