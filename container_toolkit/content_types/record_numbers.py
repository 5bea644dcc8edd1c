"""What a reader of records would refuse of the numbers that are to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from container_toolkit.content_types.batch import Batch, Csr, Floats


def check_labels(batch: Batch, done: int) -> None:
    """Raises DataError naming the row, 1-based, `done` having come before, and what is wrong."""
    for what, numbers in (("label", batch.labels), ("weight", batch.weights)):
        if numbers is None:
            continue
        at = first_wrong(numbers, missing=False)
        if at < 0 and what == "weight" and (numbers < 0).any():
            at = int(np.argmax(numbers < 0))
        if at >= 0:
            row = done + at // numbers[:1].size
            raise refusal(row, f"the {what} {numbers.flat[at]:g}")


def check_dense(features: Floats, done: int) -> None:
    """As check_labels; NaN is a value that is missing."""
    at = first_wrong(features, missing=True)
    if at >= 0:
        raise refusal(done + at // features.shape[1], "a feature that is infinite")


def check_sparse(features: Csr, done: int) -> None:
    """As check_labels; what is missing is left out, and not NaN."""
    at = first_wrong(features.values, missing=False)
    if at >= 0:
        row = int(np.searchsorted(features.indptr, at, side="right")) - 1
        raise refusal(done + row, f"a feature that is {features.values[at]:g}")


def first_wrong(numbers: Floats, *, missing: bool) -> int:
    """Where the first number is that is not finite, or -1; NaN may be one that is `missing`."""
    finite = np.isfinite(numbers)
    if finite.all():
        return -1
    wrong = np.isinf(numbers) if missing else ~finite
    return int(np.argmax(wrong)) if wrong.any() else -1


def refusal(row: int, what: str) -> DataError:
    return DataError(
        f"row {row + 1} has {what}, which has no place in a record; labels and weights are finite,"
        " weights not negative."
    )
