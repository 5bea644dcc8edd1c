"""A channel's rows as this host holds them: decoded once, in memory or on disk, read many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from container_toolkit.algorithms.rows import batches
from container_toolkit.algorithms.xgboost.blocks import Blocks
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from container_toolkit.algorithms.xgboost.memory import Budget
    from container_toolkit.content_types.batch import Floats
    from container_toolkit.content_types.media_type import MediaType
    from container_toolkit.contract.channels import Channel
    from container_toolkit.contract.cluster import Cluster

T = TypeVar("T", bound=np.generic)

# A training matrix takes some 9 bytes a cell at the worst, a row here 4: both have to fit.
_SHARE = 0.4  # of the memory left, for features


class Rows:
    """Rows of one channel; features in blocks of some 32 MiB, all the rest in memory.

    `rows` and `columns` count what this host has (`columns` 0 without rows); `cells` those that
    hold a value. `sparse`: the features are CSR.
    """

    def __init__(
        self,
        name: str,
        blocks: Blocks,
        labels: Floats,
        weights: Floats | None,
        groups: NDArray[np.int64] | None,
        keep: NDArray[np.bool_] | None = None,
    ) -> None:
        self.name = name
        self.rows = len(labels)
        self.columns = blocks.columns if self.rows else 0
        self.sparse = blocks.sparse
        self._blocks = blocks
        self._labels = labels
        self._weights = weights
        self._groups = groups
        self._keep = keep

    @property
    def cells(self) -> int:
        """Features that are there, neither empty nor absent; of a selection, an estimate."""
        return self._blocks.cells * self.rows // max(1, self._blocks.rows)

    @property
    def held(self) -> int:
        """Bytes of features in memory, which `spill` frees."""
        return self._blocks.held

    def labels(self) -> Floats:
        """(rows,) float32, or (rows, label_size) where that is over 1."""
        return self._labels

    def weights(self) -> Floats | None:
        """(rows,) float32."""
        return self._weights

    def groups(self) -> NDArray[np.int64] | None:
        """(rows,) query ids."""
        return self._groups

    def batches(self) -> Iterator[Batch]:
        """All rows in order, always in the same batches.

        A batch's features are good until the next batch is asked for. Raises PlatformError when
        the disk fails.
        """
        start = position = 0
        for features in self._blocks.read():
            rows = features.rows if isinstance(features, Csr) else len(features)
            if self._keep is not None:
                kept = self._keep[position : position + rows]
                position += rows
                if not kept.any():
                    continue
                features = selected(features, kept)
                rows = int(np.count_nonzero(kept))
            part = slice(start, start + rows)
            start += rows
            yield Batch(
                features=features,
                labels=self._labels[part],
                weights=None if self._weights is None else self._weights[part],
                groups=None if self._groups is None else self._groups[part],
            )

    def select(self, keep: NDArray[np.bool_]) -> Rows:
        """The rows where `keep`, (rows,), is true: a view, the features stay where they are."""
        whole = keep
        if self._keep is not None:
            whole = self._keep.copy()
            whole[whole] = keep
        return Rows(
            self.name,
            self._blocks,
            self._labels[keep],
            None if self._weights is None else self._weights[keep],
            None if self._groups is None else self._groups[keep],
            whole,
        )

    def spill(self) -> None:
        """Move the features that are in memory to disk. Raises PlatformError when it is full."""
        self._blocks.spill()

    def close(self) -> None:
        """Let go of the features, of all selections too; labels, weights and groups stay."""
        self._blocks.close()


def load(
    channel: Channel,
    media: MediaType,
    cluster: Cluster,
    *,
    csv_weights: bool,
    budget: Budget,
    scratch: str,
) -> Rows:
    """Decode this host's share of the channel, once.

    Features are kept in memory up to a part of what `budget` has left, beyond that in the folder
    `scratch`. Raises DataError naming the channel or the file, ConfigError for a content type that
    nothing reads, PlatformError when the disk is full.
    """
    reading = Reading(label_size=1, weights=csv_weights and media.name == "text/csv")
    return keep(channel.name, batches(channel, media, reading, cluster), budget, scratch)


def keep(name: str, decoded: Iterable[Batch], budget: Budget, scratch: str) -> Rows:
    """The batches of channel `name` as Rows. Raises DataError where they are not fit to train on:
    no label or one that is no number, weights or groups in a part of the rows only."""
    blocks = Blocks(name, int(budget.left() * _SHARE), scratch)
    labels: list[Floats] = []
    weights: list[Floats | None] = []
    groups: list[NDArray[np.int64] | None] = []
    rows = 0
    for batch in decoded:
        labels.append(checked_labels(name, batch, rows))
        weights.append(checked_weights(name, batch, rows))
        groups.append(None if batch.groups is None else np.array(batch.groups))
        blocks.add(batch.features)
        rows += batch.rows
    blocks.finish()
    if not rows:
        return Rows(name, blocks, np.empty(0, np.float32), None, None)
    if len({part.shape[1:] for part in labels}) > 1:
        raise DataError(f"channel {name!r} has labels of different widths; its files must agree.")
    return Rows(
        name,
        blocks,
        np.concatenate(labels),
        joined(name, "a weight", weights),
        joined(name, "a query id", groups),
    )


def checked_labels(name: str, batch: Batch, before: int) -> Floats:
    if batch.labels is None:
        raise DataError(
            f"channel {name!r} has rows without labels; training needs one in every row."
        )
    fine = np.isfinite(batch.labels)
    if not fine.all():
        row = before + int(np.argmin(fine.reshape(len(fine), -1).all(axis=1))) + 1
        raise DataError(
            f"channel {name!r}: the label of row {row} (of this host's) is empty or infinite;"
            " training needs a number."
        )
    return np.array(batch.labels)


def checked_weights(name: str, batch: Batch, before: int) -> Floats | None:
    if batch.weights is None:
        return None
    fine = np.isfinite(batch.weights) & (batch.weights >= 0)
    if not fine.all():
        raise DataError(
            f"channel {name!r}: the weight of row {before + int(np.argmin(fine)) + 1} (of this"
            " host's) is empty, infinite or below 0."
        )
    return np.array(batch.weights)


def joined(name: str, what: str, parts: Sequence[NDArray[T] | None]) -> NDArray[T] | None:
    """All parts in one, None when there are none; some rows with and some without is an error."""
    present = [part for part in parts if part is not None]
    if not present:
        return None
    if len(present) < len(parts):
        raise DataError(f"channel {name!r}: some rows have {what} and others have none.")
    return np.concatenate(present)


def selected(features: Floats | Csr, kept: NDArray[np.bool_]) -> Floats | Csr:
    if not isinstance(features, Csr):
        return features if kept.all() else features[kept]
    lengths = np.diff(features.indptr)
    cells = np.repeat(kept, lengths)
    return Csr(
        indptr=np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64),
        indices=features.indices[cells],
        values=features.values[cells],
        columns=features.columns,
    )
