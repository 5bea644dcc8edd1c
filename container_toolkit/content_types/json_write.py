"""Batches as the text of JSON instances."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.content_types.batch import Csr
from container_toolkit.content_types.float_text import json_texts
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from container_toolkit.content_types.batch import Batch, Floats

AT_ONCE = 4096  # rows turned into text together


def instances(batches: Iterable[Batch]) -> Iterator[list[bytes]]:
    """Some instances at a time, in order; NaN is null.

    Raises DataError for infinity, for a label or weight that is no number, for query ids, and for
    sparse batches that are not all equally wide.
    """
    width = None
    for batch in batches:
        if batch.groups is not None:
            raise DataError("JSON instances have no query ids; write text/libsvm.")
        if isinstance(batch.features, Csr):
            if width not in (None, batch.columns):
                raise DataError(
                    f"sparse rows of {width} and of {batch.columns} columns can't be in one file;"
                    " give all batches the same number."
                )
            width = batch.columns
        for first in range(0, batch.rows, AT_ONCE):
            yield texts_of(batch, first, min(first + AT_ONCE, batch.rows))


def texts_of(batch: Batch, first: int, last: int) -> list[bytes]:
    tail = [""] * (last - first)
    if batch.weights is not None:
        tail = [f',"weight":{text}' for text in numbers(batch.weights[first:last], "weight")]
    label = None if batch.labels is None else labels(batch.labels[first:last])
    if isinstance(batch.features, Csr):
        rows = sparse(batch.features, first, last)
        if label is not None:
            pairs = zip(rows, label, strict=True)
            rows = [f'{row},"label":{{"values":{bracketed(text)}}}' for row, text in pairs]
        rows = [f'{{"data":{{{row}}}' for row in rows]
    else:
        rows = [f'{{"features":{row}' for row in lists(batch.features[first:last])]
        if label is not None:
            rows = [f'{row},"label":{text}' for row, text in zip(rows, label, strict=True)]
    return [f"{row}{end}}}".encode() for row, end in zip(rows, tail, strict=True)]


def sparse(features: Csr, first: int, last: int) -> list[str]:
    indptr = features.indptr[first : last + 1]
    begin, end = int(indptr[0]), int(indptr[-1])
    keys = list(map(str, features.indices[begin:end].tolist()))
    values = cells(features.values[begin:end])
    shape = f'"shape":[{features.columns}]'
    return [
        f'"features":{{"keys":[{",".join(keys[a:b])}],{shape},"values":[{",".join(values[a:b])}]}}'
        for a, b in pairwise((indptr - begin).tolist())
    ]


def labels(found: Floats) -> list[str]:
    if found.ndim == 1:
        return numbers(found, "label")
    numbers(found.ravel(), "label")
    return lists(found)


def lists(rows: Floats) -> list[str]:
    """Rows of cells, each as a list."""
    columns = rows.shape[1]
    found = cells(rows.ravel())
    return [f"[{','.join(found[at : at + columns])}]" for at in range(0, len(found), columns)]


def bracketed(text: str) -> str:
    return text if text[:1] == "[" else f"[{text}]"


def cells(found: Floats) -> list[str]:
    if np.isinf(found).any():
        raise DataError("a feature is infinite, which JSON has no number for.")
    return json_texts(found)


def numbers(found: Floats, what: str) -> list[str]:
    if not np.isfinite(found).all():
        raise DataError(f"a {what} is NaN or infinite, which JSON has no number for.")
    return json_texts(found)
