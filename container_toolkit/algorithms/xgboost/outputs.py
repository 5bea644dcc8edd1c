"""What a model of each objective can put out, and which class its output means.

The names are those of SageMaker's selectable inference; `score` is what the model puts out as it
stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from container_toolkit.content_types.batch import Floats

_OF_CLASSES = ("predicted_label", "labels", "raw_score", "raw_scores", "score")
_OF_PROBABILITIES = (*_OF_CLASSES, "probability", "probabilities")

# Any objective that is not here predicts a number.
BY_OBJECTIVE = {
    "binary:logistic": _OF_PROBABILITIES,
    "binary:logitraw": _OF_CLASSES,
    "binary:hinge": _OF_CLASSES,
    "multi:softprob": _OF_PROBABILITIES,
    "multi:softmax": _OF_CLASSES,
}
OF_NUMBERS = ("predicted_score", "score")
PUTS_OUT_LABELS = ("binary:hinge", "multi:softmax")


def valid(objective: str) -> tuple[str, ...]:
    return BY_OBJECTIVE.get(objective, OF_NUMBERS)


def check(objective: str, wanted: Iterable[str]) -> None:
    """Raises DataError naming the first output that a model of the objective does not have."""
    known = valid(objective)
    for name in wanted:
        if name not in known:
            raise DataError(
                f"a model of objective {objective} has no output {name!r}; it has"
                f" {', '.join(known)}."
            )


def predicted_labels(objective: str, scores: Floats) -> NDArray[np.int64]:
    """(rows,): the class of each row, from what a model of that objective puts out, (rows,) or
    (rows, classes)."""
    if scores.ndim == 2:
        best: NDArray[np.int64] = np.argmax(scores, axis=1).astype(np.int64)
        return best
    if objective in PUTS_OUT_LABELS:
        return scores.astype(np.int64)
    threshold = 0.0 if objective == "binary:logitraw" else 0.5
    return (scores > threshold).astype(np.int64)
