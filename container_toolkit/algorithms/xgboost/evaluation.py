"""The metrics of a round on each data set, and the line that tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from container_toolkit.algorithms.xgboost.metrics import OF_CLASSES, Classes, Numbers
from container_toolkit.algorithms.xgboost.settings import library_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xgboost

    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.algorithms.xgboost.settings import Settings
    from container_toolkit.content_types.batch import Floats

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """What is learned from, and what was held out; every host has its share of both."""

    train: xgboost.DMatrix
    validation: xgboost.DMatrix | None = None

    def named(self) -> list[tuple[xgboost.DMatrix, str]]:
        sets = [(self.train, TRAIN)]
        if self.validation is not None:
            sets.append((self.validation, VALIDATION))
        return sets


@dataclass(frozen=True, kw_only=True)
class Score:
    """The value of one metric on one data set."""

    data: str
    metric: str
    value: float


class Evaluation:
    """Knows the labels; made once, a collective as all its methods are."""

    def __init__(self, settings: Settings, data: Data, hosts: Hosts) -> None:
        """Raises DataError where the labels don't suit the metrics."""
        self._settings = settings
        self._data = data
        self._hosts = hosts
        self._kinds: list[list[tuple[tuple[str, ...], Classes | Numbers]]] = [
            self._kinds_of(matrix) for matrix, _ in data.named()
        ]

    def scores(self, booster: xgboost.Booster, iteration: int) -> list[Score]:
        """Of each data set xgboost's own metrics, then ours, in the order they were asked for."""
        found = self._native(booster, iteration)
        ours = self._ours(booster)
        order = [name for _, name in self._data.named()]
        return [score for name in order for score in (*found, *ours) if score.data == name]

    def watched(self, scores: Iterable[Score]) -> Score:
        """The score that early stopping looks at: validation's, of the watched or last metric."""
        held_out = [score for score in scores if score.data == VALIDATION]
        chosen = [score for score in held_out if score.metric == self._settings.watched]
        return (chosen or held_out)[-1]

    def _native(self, booster: xgboost.Booster, iteration: int) -> list[Score]:
        """The name of a metric is the one asked for, however xgboost calls it."""
        settings = self._settings
        if settings.metrics and not settings.native:
            return []
        values: dict[str, dict[str, float]] = {}
        for word in booster.eval_set(self._data.named(), iteration).split("\t")[1:]:
            label, _, value = word.rpartition(":")
            data, _, metric = label.partition("-")
            values.setdefault(data, {})[metric] = float(value)
        return [
            Score(data=data, metric=metric, value=found[library_name(metric)])
            for data, found in values.items()
            for metric in settings.native or found
        ]

    def _ours(self, booster: xgboost.Booster) -> list[Score]:
        """The sums of all data sets and metrics go to the other hosts in one piece."""
        if not self._settings.ours:
            return []
        parts = []
        for (matrix, _), kinds in zip(self._data.named(), self._kinds, strict=True):
            predicted = booster.predict(matrix)
            parts += [kind.sums(predicted) for _, kind in kinds]
        flat = self._hosts.sum(np.concatenate([part.ravel() for part in parts]))
        ends = np.cumsum([part.size for part in parts])[:-1]
        sums = [
            piece.reshape(part.shape)
            for piece, part in zip(np.split(flat, ends), parts, strict=True)
        ]
        scores = []
        for (_, data), kinds in zip(self._data.named(), self._kinds, strict=True):
            values = {
                name: kind.value(name, total)
                for (names, kind), total in zip(kinds, sums, strict=False)
                for name in names
            }
            sums = sums[len(kinds) :]
            scores += [
                Score(data=data, metric=name, value=values[name]) for name in self._settings.ours
            ]
        return scores

    def _kinds_of(self, matrix: xgboost.DMatrix) -> list[tuple[tuple[str, ...], Classes | Numbers]]:
        ours, settings = self._settings.ours, self._settings
        of_classes = tuple(name for name in ours if name in OF_CLASSES)
        of_numbers = tuple(name for name in ours if name not in OF_CLASSES)
        if not ours:
            return []
        labels = matrix.get_label()
        if labels.size > matrix.num_row():
            labels = labels.reshape(matrix.num_row(), -1)
        weights = row_weights(matrix)
        kinds: list[tuple[tuple[str, ...], Classes | Numbers]] = []
        if of_classes:
            kinds.append(
                (of_classes, Classes(labels, weights, settings.objective, settings.classes))
            )
        if of_numbers:
            kinds.append((of_numbers, Numbers(labels, weights, self._hosts)))
        return kinds


def line(iteration: int, scores: Iterable[Score]) -> str:
    r"""As xgboost itself writes it: `[0]\ttrain-rmse:8.09483\tvalidation-rmse:8.33559`."""
    words = [f"{score.data}-{score.metric}:{score.value:.5f}" for score in scores]
    return "\t".join([f"[{iteration}]", *words])


def row_weights(matrix: xgboost.DMatrix) -> Floats:
    """(rows,): 1 where there are none. In ranking data xgboost has one for each group."""
    weights: Floats = matrix.get_weight()
    rows = matrix.num_row()
    if not weights.size:
        return np.ones(rows, np.float32)
    if weights.size == rows:
        return weights
    return np.repeat(weights, np.diff(matrix.get_uint_info("group_ptr")))
