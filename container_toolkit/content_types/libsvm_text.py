"""Batches written as libsvm text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.batch import Csr
from container_toolkit.content_types.float_text import texts
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Batch, Floats

AT_ONCE = 1 << 20  # features turned into text together


def write(stream: BinaryIO, batches: Iterable[Batch]) -> None:
    """Indices count from 0; cells that are NaN are left out, zeros are written.

    Raises DataError for what the format has no words for: infinity, several labels a row, weights
    without labels, a weight that is negative.
    """
    done = 0
    for batch in batches:
        check(batch, done)
        indptr, indices, values = sparse(batch)
        heads = row_heads(batch)
        for first, last in spans(indptr):
            stream.write(lines(heads[first:last], indptr[first : last + 1], indices, values))
        done += batch.rows


def check(batch: Batch, done: int) -> None:
    values = batch.features.values if isinstance(batch.features, Csr) else batch.features
    label = batch.labels
    if label is not None and label.ndim > 1:
        raise DataError("text/libsvm has one label a row; write several as another content type.")
    if batch.weights is not None and (label is None or bool((batch.weights < 0).any())):
        raise DataError("text/libsvm has weights only beside a label, and none that is negative.")
    if np.isinf(values).any():
        raise DataError(
            f"rows {done + 1} to {done + batch.rows} have a feature that is infinite; text/libsvm"
            " has finite ones only."
        )
    for what, numbers in (("label", label), ("weight", batch.weights)):
        wrong = numbers is not None and ~np.isfinite(numbers)
        if np.any(wrong):
            raise DataError(
                f"row {done + int(np.argmax(wrong)) + 1} has a {what} that is no number."
            )


def sparse(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """The cells that are there, NaN being none: (indptr, indices, values)."""
    features = batch.features
    if not isinstance(features, Csr):
        there = ~np.isnan(features)
        lengths = there.sum(axis=1)
        indices = np.nonzero(there)[1].astype(np.int32)
        return np.concatenate(([0], np.cumsum(lengths))), indices, features[there]
    there = ~np.isnan(features.values)
    before = np.concatenate(([0], np.cumsum(there)))
    return before[features.indptr], features.indices[there], features.values[there]


def row_heads(batch: Batch) -> list[str]:
    """What stands before each row's features."""
    heads = [""] * batch.rows if batch.labels is None else texts(batch.labels)
    if batch.weights is not None:
        heads = [
            f"{head}:{weight}" for head, weight in zip(heads, texts(batch.weights), strict=True)
        ]
    if batch.groups is not None:
        queries = batch.groups.tolist()
        heads = [f"{head} qid:{query}".lstrip() for head, query in zip(heads, queries, strict=True)]
    return heads


def spans(indptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of rows with some `AT_ONCE` features, and no more rows than that."""
    rows = len(indptr) - 1
    first = 0
    while first < rows:
        full = int(np.searchsorted(indptr, indptr[first] + AT_ONCE, "right")) - 1
        last = min(max(full, first + 1), first + AT_ONCE, rows)
        yield first, last
        first = last


def lines(
    heads: list[str], indptr: NDArray[np.int64], indices: NDArray[np.int32], values: Floats
) -> bytes:
    begin, end = int(indptr[0]), int(indptr[-1])
    pairs = [
        f"{index}:{value}"
        for index, value in zip(indices[begin:end].tolist(), texts(values[begin:end]), strict=True)
    ]
    rows = [
        " ".join([head, *pairs[a:b]]) if head else " ".join(pairs[a:b])
        for head, (a, b) in zip(heads, pairwise((indptr - begin).tolist()), strict=True)
    ]
    return "\n".join([*rows, ""]).encode()
