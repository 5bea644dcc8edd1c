"""The metrics that xgboost does not have, from sums that hosts can add up.

They are those of all hosts' rows together, weighted as xgboost weighs its own, and defined as in
scikit-learn: a class without predictions has precision 0, and means over classes are over those
that occur, as labels or as predictions (in balanced_accuracy as labels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from container_toolkit.algorithms.xgboost.outputs import predicted_labels
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.content_types.batch import Floats

    Doubles: TypeAlias = NDArray[np.float64]

# From confusion matrices (class, class predicted) of weights, and of rows.
OF_CLASSES: dict[str, Callable[[Doubles, Doubles], float]] = {
    "accuracy": lambda weights, _: divided(np.trace(weights), weights.sum()),
    "balanced_accuracy": lambda weights, rows: balanced_accuracy(weights, rows),
    "f1": lambda weights, rows: mean_of_classes(f1(weights), rows),
    "f1_binary": lambda weights, _: float(f1(weights)[1]),
    "f1_macro": lambda weights, rows: mean_of_classes(f1(weights), rows),
    "precision": lambda weights, _: float(precision(weights)[1]),
    "precision_macro": lambda weights, rows: mean_of_classes(precision(weights), rows),
    "precision_micro": lambda weights, _: divided(np.trace(weights), weights.sum()),
    "recall": lambda weights, _: float(recall(weights)[1]),
    "recall_macro": lambda weights, rows: mean_of_classes(recall(weights), rows),
    "recall_micro": lambda weights, _: divided(np.trace(weights), weights.sum()),
}


class Classes:
    """Sums for the metrics of classes: two confusion matrices."""

    def __init__(self, labels: Floats, weights: Floats, objective: str, classes: int) -> None:
        """Raises DataError for a label that is no class."""
        self._labels = labels.astype(np.int64)
        wrong = (self._labels != labels) | (labels < 0) | (labels >= classes)
        if wrong.any():
            raise DataError(
                f"the label {labels[np.argmax(wrong)]:g} is no class: metrics of classes need the"
                f" labels 0 to {classes - 1}."
            )
        self._weights = weights
        self._objective = objective
        self._classes = classes

    def sums(self, scores: Floats) -> Doubles:
        """(2, classes, classes), of what the model puts out for these rows."""
        if not len(self._labels):
            return np.zeros((2, self._classes, self._classes))
        cells = self._labels * self._classes + predicted_labels(self._objective, scores)
        size = self._classes**2
        counts = [np.bincount(cells, by, minlength=size) for by in (self._weights, None)]
        return np.array(counts, np.float64).reshape(2, self._classes, self._classes)

    def value(self, name: str, sums: Doubles) -> float:
        return OF_CLASSES[name](sums[0], sums[1])


class Numbers:
    """Sums for the metrics of numbers: squared errors, by target."""

    def __init__(self, labels: Floats, weights: Floats, hosts: Hosts) -> None:
        """A collective. `labels`: (rows,) or (rows, targets)."""
        self._labels = (labels if labels.ndim == 2 else labels[:, None]).astype(np.float64)
        self._weights = weights.astype(np.float64)[:, None]
        targets = int(hosts.max(np.array([float(self._labels.shape[1])]))[0])
        if not len(labels):
            self._labels = np.zeros((0, targets))
        # In two passes: the sum of squares alone would lose the variance of large labels.
        total = hosts.sum(np.append(self._weighted(self._labels), self._weights.sum()))
        self._weight = float(total[-1])
        mean = total[:-1] / self._weight if self._weight else total[:-1]
        self._variation = hosts.sum(self._weighted((self._labels - mean) ** 2))

    def sums(self, scores: Floats) -> Doubles:
        """(targets,)."""
        predicted = scores.reshape(self._labels.shape).astype(np.float64)
        return self._weighted((predicted - self._labels) ** 2)

    def value(self, name: str, sums: Doubles) -> float:
        if name == "mse":
            return divided(float(sums.mean()), self._weight)
        # A target that never varies has 1 where it is met exactly, else 0, as in scikit-learn.
        varies = self._variation > 0
        shares = 1 - sums / np.where(varies, self._variation, 1)
        return float(np.where(varies, shares, np.where(sums > 0, 0.0, 1.0)).mean())

    def _weighted(self, values: Doubles) -> Doubles:
        found: Doubles = (values * self._weights).sum(axis=0)
        return found


def precision(weights: Doubles) -> Doubles:
    return shares(np.diag(weights), weights.sum(axis=0))


def recall(weights: Doubles) -> Doubles:
    return shares(np.diag(weights), weights.sum(axis=1))


def f1(weights: Doubles) -> Doubles:
    return shares(2 * np.diag(weights), weights.sum(axis=0) + weights.sum(axis=1))


def mean_of_classes(values: Doubles, rows: Doubles) -> float:
    occurs = (rows.sum(axis=0) + rows.sum(axis=1)) > 0
    return float(values[occurs].mean()) if occurs.any() else float("nan")


def balanced_accuracy(weights: Doubles, rows: Doubles) -> float:
    occurs = rows.sum(axis=1) > 0
    return float(recall(weights)[occurs].mean()) if occurs.any() else float("nan")


def shares(parts: Doubles, wholes: Doubles) -> Doubles:
    """0 where there is nothing to have a share of."""
    return np.divide(parts, wholes, out=np.zeros_like(wholes), where=wholes > 0)


def divided(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
