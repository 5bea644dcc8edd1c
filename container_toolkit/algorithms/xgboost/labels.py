"""What labels each objective can learn from, checked before xgboost is given them.

xgboost looks at some of them too, but without saying where, and after it has made a base score of
them; binary:hinge and survival:aft learn nonsense silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from container_toolkit.algorithms.xgboost.data import Rows
    from container_toolkit.algorithms.xgboost.settings import Settings
    from container_toolkit.content_types.batch import Floats

    # The labels that are fit, of labels and a number of classes.
    Check: TypeAlias = Callable[[Floats, int], NDArray[np.bool_]]

# Texts as xgboost words them, where it has one: people and scripts look for them.
IN_UNIT = "label must be in [0,1] for logistic regression"
NOT_NEGATIVE = "label must be non-negative for Poisson/Tweedie regression"
OF_CLASSES = "label must be discrete values in the range of [0, num_class)"


def unit(labels: Floats, _: int) -> NDArray[np.bool_]:
    return (labels >= 0) & (labels <= 1)


def of_classes(labels: Floats, classes: int) -> NDArray[np.bool_]:
    fine: NDArray[np.bool_] = (labels >= 0) & (labels < classes) & (labels == np.floor(labels))
    return fine


def positive(labels: Floats, _: int) -> NDArray[np.bool_]:
    return labels > 0


def above_minus_one(labels: Floats, _: int) -> NDArray[np.bool_]:
    return labels > -1


def not_negative(labels: Floats, _: int) -> NDArray[np.bool_]:
    return labels >= 0


CHECKS: dict[str, tuple[str, Check]] = {
    "binary:logistic": (IN_UNIT, unit),
    "binary:logitraw": (IN_UNIT, unit),
    "reg:logistic": (IN_UNIT, unit),
    "binary:hinge": ("label must be 0 or 1 for binary:hinge", of_classes),
    "multi:softmax": (OF_CLASSES, of_classes),
    "multi:softprob": (OF_CLASSES, of_classes),
    "count:poisson": (NOT_NEGATIVE, not_negative),
    "reg:tweedie": (NOT_NEGATIVE, not_negative),
    "reg:gamma": ("label must be positive for gamma regression", positive),
    "reg:squaredlogerror": ("label must be greater than -1 for rmsle", above_minus_one),
    "survival:aft": ("label must be positive, for it is a time", positive),
    "rank:map": ("label must be 0 or 1 for rank:map", of_classes),
}


def check(rows: Rows, settings: Settings) -> None:
    """Raises DataError naming the first label that the objective can't learn from."""
    if not rows.rows or settings.objective not in CHECKS:
        return
    rule, fits = CHECKS[settings.objective]
    labels = rows.labels()
    fine = fits(labels, settings.classes).reshape(len(labels), -1).all(axis=1)
    if fine.all():
        return
    row = int(np.argmin(fine))
    raise DataError(
        f"channel {rows.name!r}: the label of row {row + 1} (of this host's) is"
        f" {labels[row].ravel()[0]:g}, but {rule}; mend the data, or the objective, which is"
        f" {settings.objective}."
    )
