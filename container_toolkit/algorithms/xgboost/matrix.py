"""The matrix that xgboost trains on, fed from rows block by block."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.algorithms.xgboost import plan as plans
from container_toolkit.content_types.batch import Csr
from container_toolkit.errors import DataError, PlatformError
from container_toolkit.machine.size import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import xgboost
    from numpy.typing import NDArray

    from container_toolkit.algorithms.xgboost.data import Rows
    from container_toolkit.algorithms.xgboost.memory import Budget
    from container_toolkit.content_types.batch import Floats


def matrix(
    rows: Rows,
    *,
    params: Mapping[str, Any],
    columns: int,
    ref: xgboost.DMatrix | None,
    budget: Budget,
    scratch: str,
) -> xgboost.DMatrix:
    """The rows as a matrix with their labels, weights and groups; one line on stderr says how.

    `columns`: the most that any host has. A host without rows takes part with an empty matrix:
    quantiles are found by all hosts together, so under a communicator this is a collective call.
    `ref`: the training matrix, whose quantiles another one is to have. Raises DataError where the
    hosts' rows can't go together, or groups are torn apart; PlatformError when the disk is full.
    """
    check_columns(rows, columns)
    chosen = plans.plan(
        rows=rows.rows,
        columns=columns,
        cells=rows.cells,
        held=rows.held,
        left=budget.left(),
        params=params,
        outputs=outputs(rows, params),
    )
    what = f"{rows.rows} rows, {columns} features, {chosen}" if rows.rows else "no rows here"
    sys.stderr.write(f"{rows.name}: {what}\n")
    if chosen.spill:
        rows.spill()
    made = built(rows, chosen, params, columns, ref, scratch)
    describe(made, rows, params)
    give_back()
    return made


def check_columns(rows: Rows, columns: int) -> None:
    if rows.rows and (rows.columns > columns or (not rows.sparse and rows.columns < columns)):
        raise DataError(
            f"channel {rows.name!r} has {rows.columns} features in a row here, but {columns} on"
            " another host or in another channel; they must agree."
        )


def outputs(rows: Rows, params: Mapping[str, Any]) -> int:
    """Values that are predicted for a row."""
    width: int = rows.labels().shape[1] if rows.labels().ndim > 1 else 1
    return max(int(params.get("num_class") or 1), width)


def built(
    rows: Rows,
    chosen: plans.Plan,
    params: Mapping[str, Any],
    columns: int,
    ref: xgboost.DMatrix | None,
    scratch: str,
) -> xgboost.DMatrix:
    import xgboost

    options = {"nthread": params.get("nthread")}
    if chosen.kind == plans.FULL and not chosen.on_disk:
        return xgboost.DMatrix(whole(rows, columns), **options)
    if chosen.kind == plans.QUANTISED:
        options |= {"max_bin": plans.max_bin(params), "ref": ref}
    if not chosen.on_disk:
        return xgboost.QuantileDMatrix(feed(rows, columns, None), **options)
    pages = page_folder(scratch, chosen.bytes)
    kind = xgboost.DMatrix if chosen.kind == plans.FULL else xgboost.ExtMemQuantileDMatrix
    try:
        made = kind(feed(rows, columns, f"{pages}/page"), **options)
    except BaseException:
        shutil.rmtree(pages, ignore_errors=True)
        raise
    weakref.finalize(made, shutil.rmtree, pages, ignore_errors=True)
    return made


def page_folder(scratch: str, size: int) -> str:
    """A new folder with room for `size` bytes: xgboost aborts the process where there is none."""
    try:
        file_system = os.statvfs(scratch)
        free = file_system.f_bavail * file_system.f_frsize
        if free >= size:
            return tempfile.mkdtemp(prefix="container-toolkit-xgboost-", dir=scratch)
        trouble = f"{show(free)} of the {show(size)} are free"
    except OSError as error:
        trouble = str(error.strerror)
    raise PlatformError(
        f"the folder {scratch} can't hold the pages of training data that don't fit in memory:"
        f" {trouble}; give it room, name another folder in TMPDIR, or raise the memory of the job."
    )


def feed(rows: Rows, columns: int, cache_prefix: str | None) -> xgboost.DataIter:
    """The features, and the weights, without which quantiles would be others; the rest follows
    when the matrix is there, for a group may lie in two batches."""
    import xgboost

    class Feed(xgboost.DataIter):
        def __init__(self) -> None:
            super().__init__(cache_prefix=cache_prefix)
            self.batches = inputs(rows, columns)

        def reset(self) -> None:
            self.batches = inputs(rows, columns)

        def next(self, input_data: Callable[..., None]) -> bool:
            given = next(self.batches, None)
            if given is None:
                return False
            input_data(data=given[0], weight=given[1])
            return True

    return Feed()


def inputs(rows: Rows, columns: int) -> Iterator[tuple[Any, Floats | None]]:
    """(features as xgboost reads them, weights): at least one pair, of no rows where none are."""
    if not rows.rows:
        yield np.empty((0, columns), np.float32), None
    for batch in rows.batches():
        features = batch.features
        if isinstance(features, Csr):
            yield scipy_csr(features, columns), batch.weights
        else:
            yield features, batch.weights


def scipy_csr(features: Csr, columns: int) -> Any:
    from scipy.sparse import csr_matrix

    parts = (features.values, features.indices, features.indptr)
    return csr_matrix(parts, shape=(features.rows, columns), copy=False)


def whole(rows: Rows, columns: int) -> Any:
    """All features in one piece, as what is not fed by blocks wants them."""
    if rows.sparse:
        from scipy.sparse import vstack

        parts = [part.copy() for part, _ in inputs(rows, columns)]
        return parts[0] if len(parts) == 1 else vstack(parts, format="csr")
    joined = np.empty((rows.rows, columns), np.float32)
    start = 0
    for part, _ in inputs(rows, columns):
        joined[start : start + len(part)] = part
        start += len(part)
    return joined


def describe(made: xgboost.DMatrix, rows: Rows, params: Mapping[str, Any]) -> None:
    """Set labels, weights and groups."""
    labels, weights, groups = rows.labels(), rows.weights(), rows.groups()
    made.set_info(label=labels)
    ranks = str(params.get("objective", "")).startswith("rank:")
    if groups is None or (weights is not None and not ranks):
        # With groups xgboost takes one weight a group, which only ranking can use.
        if weights is not None:
            made.set_info(weight=weights)
        return
    starts = group_starts(rows.name, groups)
    made.set_info(group=np.diff(np.append(starts, len(groups))))
    if weights is not None:
        made.set_info(weight=group_weights(rows.name, weights, groups, starts))


def group_starts(name: str, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each group. Raises DataError when the rows of one don't lie together."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(groups)) + 1]).astype(np.int64)
    ids, counts = np.unique(groups[starts], return_counts=True)
    if len(ids) < len(starts):
        raise DataError(
            f"channel {name!r}: the rows of query id {ids[np.argmax(counts > 1)]} don't lie"
            " together; sort each file by it, and use an id in one file only."
        )
    return starts


def group_weights(
    name: str, weights: Floats, groups: NDArray[np.int64], starts: NDArray[np.int64]
) -> Floats:
    """The weight of each group, in ranking the same for all of its rows."""
    least, most = np.minimum.reduceat(weights, starts), np.maximum.reduceat(weights, starts)
    if not np.array_equal(least, most):
        group = groups[starts[np.argmax(least != most)]]
        raise DataError(
            f"channel {name!r}: the rows of query id {group} have different weights; ranking"
            " weighs queries as a whole."
        )
    return least


def give_back() -> None:
    """Have the allocator return what building left free; glibc keeps it otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
