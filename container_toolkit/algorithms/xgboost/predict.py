"""Predictions for a batch of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.algorithms.xgboost import outputs
from container_toolkit.content_types.batch import Csr
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xgboost
    from numpy.typing import NDArray

    from container_toolkit.algorithms.xgboost.model import Model
    from container_toolkit.content_types.batch import Batch, Floats


def predict(model: Model, batch: Batch, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Each wanted output by its name, with one row for each of the batch; `score` for none.

    `score` and `raw_score`, `probability`, `predicted_score`: (rows,) float32; `score` of
    multi:softprob, `raw_scores`, `probabilities`: (rows, classes). `predicted_label`: (rows,)
    int64, `labels`: (rows, classes), the class that each place of the others is of. Raw scores are
    margins, of the predicted class where there is one of each; probability is that of class 1 of
    two, else of the predicted class. Several boosters vote where the objective puts out labels,
    and are averaged elsewhere. Raises DataError for an output that the objective does not have,
    and for a batch with other columns than the model.
    """
    wanted = tuple(wanted) or ("score",)
    outputs.check(model.objective, wanted)
    rows = prepared(model, batch)
    score = scores(model, rows)
    classes = outputs.predicted_labels(model.objective, score)
    made: dict[str, NDArray[Any]] = {}
    for name in wanted:
        if name in ("score", "predicted_score"):
            made[name] = score
        elif name == "predicted_label":
            made[name] = classes
        elif name == "labels":
            made[name] = np.tile(np.arange(model.classes), (batch.rows, 1))
        elif name in ("probability", "probabilities"):
            made[name] = of_classes(score, name == "probabilities", classes, 1 - score)
        else:
            margin = mean(model, rows, margins=True)
            made[name] = of_classes(margin, name == "raw_scores", classes, -margin)
    return made


def prepared(model: Model, batch: Batch) -> Any:
    """The rows as xgboost takes them. Sparse rows that end early have nothing in the rest."""
    if isinstance(batch.features, Csr):
        check_width(batch.features.columns <= model.columns, batch, model)
        from scipy.sparse import csr_matrix

        parts = (batch.features.values, batch.features.indices, batch.features.indptr)
        return csr_matrix(parts, shape=(batch.rows, model.columns))
    check_width(batch.columns == model.columns, batch, model)
    return batch.features


def check_width(fits: bool, batch: Batch, model: Model) -> None:
    if not fits:
        raise DataError(
            f"a row has {batch.columns} features, but the model was trained with"
            f" {model.columns}; send those, without the label."
        )


def scores(model: Model, rows: Any) -> Floats:
    """(rows,), or (rows, classes)."""
    if len(model.boosters) > 1 and model.objective in outputs.PUTS_OUT_LABELS:
        votes = np.stack([one.astype(np.int64) for one in each(model, rows, margins=False)])
        return most_frequent(votes).astype(np.float32)
    return mean(model, rows, margins=False)


def mean(model: Model, rows: Any, *, margins: bool) -> Floats:
    found = each(model, rows, margins=margins)
    if len(found) == 1:
        return found[0]
    return np.asarray(np.mean(found, axis=0, dtype=np.float64), np.float32)


def each(model: Model, rows: Any, *, margins: bool) -> list[Floats]:
    """Of every booster, (rows,), or (rows, outputs) where there are several."""
    return [
        from_booster(booster, rows, rounds, margins=margins, linear=model.linear)
        for booster, rounds in zip(model.boosters, model.rounds, strict=True)
    ]


def from_booster(
    booster: xgboost.Booster, rows: Any, rounds: int, *, margins: bool, linear: bool
) -> Floats:
    import xgboost

    if linear:  # which xgboost predicts with from a matrix only
        matrix = xgboost.DMatrix(rows)
        made: Floats = booster.predict(matrix, output_margin=margins)
    else:
        made = booster.inplace_predict(
            rows,
            iteration_range=(0, rounds),
            predict_type="margin" if margins else "value",
        )
    return np.asarray(made, np.float32)


def of_classes(
    values: Floats, all_of_them: bool, predicted: NDArray[np.int64], of_class_0: Floats
) -> Floats:
    """One value a row, or one for each class: of two classes `values` is the second's."""
    if not all_of_them:
        return values if values.ndim == 1 else values[np.arange(len(values)), predicted]
    return values if values.ndim == 2 else np.stack([of_class_0, values], axis=1)


def most_frequent(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(boosters, rows) -> (rows,): the class most often named, the lowest of several."""
    counts = np.zeros((int(votes.max(initial=0)) + 1, votes.shape[1]), np.int64)
    for vote in votes:
        np.add.at(counts, (vote, np.arange(len(vote))), 1)
    winners: NDArray[np.int64] = counts.argmax(axis=0)
    return winners
