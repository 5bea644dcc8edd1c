"""Which training matrix is made of a channel's rows: by what trains on it, and what fits.

The sizes are those of xgboost 3.2 on processors, read in its source and held against what it takes
(resident anonymous memory while it builds and trains).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from container_toolkit.machine.size import show

if TYPE_CHECKING:
    from collections.abc import Mapping

QUANTISED, FULL = "quantised", "in full"

MAX_BIN = 256
MAX_DEPTH = 6
# A column with fewer of its cells filled is stored as a sparse one (TrainParam::sparse_threshold).
_SPARSE = 0.2
_CELL_IN_FULL = 24  # bytes: 8 as read, and again sorted by column or as histogram index
_CELL_ON_DISK = 12  # bytes: 8 as read, and its histogram index
_ROW_IN_TRAINING = 45  # bytes: gradients, prediction, position in the tree, label
_BIN_IN_TRAINING = 16  # bytes: the sums of both gradients, in every node of a level


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`kind`: QUANTISED or FULL. `bytes`: in memory, or `on_disk` in pages that are read in every
    round (external memory). `spill`: the rows have to leave memory first. `fits`: False where
    there is no way to make it fit."""

    kind: str
    bytes: int
    on_disk: bool = False
    spill: bool = False
    fits: bool = True

    def __str__(self) -> str:
        size = show(self.bytes)
        if self.on_disk:
            return f"{size} {self.kind} on disk"
        return f"{size} {self.kind} in memory{'' if self.fits else ', more than there is'}"


def plan(
    *,
    rows: int,
    columns: int,
    cells: int,
    held: int,
    left: int,
    params: Mapping[str, Any],
    outputs: int = 1,
) -> Plan:
    """The fastest matrix that fits into `left` bytes, training on it included.

    `cells` of rows x columns hold a value; `held`: bytes of rows in memory, which may be spilled.
    `outputs`: values predicted for a row.
    """
    kind = kind_of(params)
    training = rows * _ROW_IN_TRAINING * outputs
    # Both ways need the histograms, and far fewer than this bound where values repeat.
    training += min(histograms(columns, cells, params), left // 4)
    if kind == FULL:
        size, building = cells * _CELL_IN_FULL + rows * 8, 0
    else:
        bins = max_bin(params)
        size = quantised(rows, columns, cells, bins)
        building = sketch(-(-cells // max(1, columns)), bins) * columns
    needed = size + max(building, training)
    if needed <= left:
        return Plan(kind=kind, bytes=size)
    if needed <= left + held:
        return Plan(kind=kind, bytes=size, spill=True)
    if in_memory_only(params):
        return Plan(kind=kind, bytes=size, spill=True, fits=False)
    if kind == FULL:
        size = cells * _CELL_ON_DISK + rows * 16
    return Plan(kind=kind, bytes=size, on_disk=True, spill=True)


def kind_of(params: Mapping[str, Any]) -> str:
    """Only the histogram updater works on quantised data."""
    updaters = set(str(params.get("updater") or "").split(",")) - {"", "prune"}
    if params.get("booster") == "gblinear":
        return FULL
    if updaters:
        return QUANTISED if updaters == {"grow_quantile_histmaker"} else FULL
    return FULL if params.get("tree_method") in ("exact", "approx") else QUANTISED


def in_memory_only(params: Mapping[str, Any]) -> bool:
    """What walks whole columns, sorted or for their coefficients, needs all rows at once."""
    updaters = str(params.get("updater") or "")
    if params.get("booster") == "gblinear" or "grow_colmaker" in updaters:
        return True
    return not updaters and params.get("tree_method") == "exact"


def max_bin(params: Mapping[str, Any]) -> int:
    return int(params.get("max_bin") or MAX_BIN)


def quantised(rows: int, columns: int, cells: int, bins: int) -> int:
    """Bytes of the index by row and of its transpose (GHistIndexMatrix, ColumnMatrix)."""
    width = 1 if bins <= 1 << 8 else 2 if bins <= 1 << 16 else 4
    if cells == rows * columns:
        return int(cells * (2 * width + 1 / 8)) + rows * 8
    # With values missing the row's index is global, and so 4 bytes wide.
    if cells >= rows * columns * _SPARSE:
        return int(cells * 4 + rows * columns * (width + 1 / 8)) + rows * 8
    return int(cells * (4 + width + 8 + 1 / 8)) + rows * 8


def sketch(values: int, bins: int) -> int:
    """Bytes of the sketch of one column with so many values (WQuantileSketch, of 16-byte entries).

    Levels of `entries` each are merged upwards, so that the topmost stands for all values.
    """
    if values < 1:
        return 0
    finest = 8 * min(bins, values)
    levels = 1
    while (entries := min(levels * finest + 1, values)) << levels < values:
        levels += 1
    return int(16 * entries * (math.log2(values / entries) + 2.5))


def histograms(columns: int, cells: int, params: Mapping[str, Any]) -> int:
    """Bytes of the histograms of a tree's widest level, at most."""
    bins = min(columns * max_bin(params), cells)
    given = params.get("max_depth")
    depth = MAX_DEPTH if given is None else int(given)
    leaves = int(params.get("max_leaves") or 0)
    nodes = leaves or 2 ** min(depth or MAX_DEPTH, 16)  # 0 is no limit; most nodes end long before
    return bins * nodes * _BIN_IN_TRAINING
