"""From a job's channels to the matrices that xgboost trains on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.algorithms import rows as channel_rows
from container_toolkit.algorithms import spool
from container_toolkit.algorithms.xgboost import data, matrix
from container_toolkit.algorithms.xgboost.evaluation import TRAIN, VALIDATION, Data
from container_toolkit.algorithms.xgboost.memory import Budget
from container_toolkit.content_types.codec import Reading
from container_toolkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xgboost

    from container_toolkit.algorithms.declaration import Job
    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.algorithms.xgboost.data import Rows
    from container_toolkit.algorithms.xgboost.settings import Settings


def names_of(job: Job) -> list[str]:
    """The channels with rows, train first."""
    return [name for name in (TRAIN, VALIDATION) if name in job.env.channels]


def load(job: Job, chosen: Settings) -> dict[str, Rows]:
    """This host's rows of each channel."""
    return {
        name: data.load(
            job.env.channels[name],
            job.content_types[name],
            job.env.cluster,
            csv_weights=chosen.csv_weights,
            budget=Budget.of(job.env),
            scratch=spool.folder(job.env.settings),
        )
        for name in names_of(job)
    }


def load_joined(job: Job, chosen: Settings) -> Rows:
    """The rows of all channels as one: train's, then validation's."""
    batches = []
    for name in names_of(job):
        media = job.content_types[name]
        weights = chosen.csv_weights and media.name == "text/csv"
        reading = Reading(label_size=1, weights=weights)
        channel = job.env.channels[name]
        batches.append(channel_rows.batches(channel, media, reading, job.env.cluster))
    budget = Budget.of(job.env)
    return data.keep(TRAIN, itertools.chain(*batches), budget, spool.folder(job.env.settings))


def counted(loaded: Mapping[str, Rows], hosts: Hosts) -> dict[str, int]:
    """Rows of each channel on all hosts, and `features`: the columns of the widest row.

    Raises DataError for a channel without rows.
    """
    names = list(loaded)
    rows = hosts.sum(np.array([float(loaded[name].rows) for name in names]))
    columns = hosts.max(np.array([float(loaded[name].columns) for name in names]))
    for name, count in zip(names, rows, strict=True):
        if not count:
            raise DataError(f"No data in {name} channel: none of its files has a row.")
    found = {name: int(count) for name, count in zip(names, rows, strict=True)}
    return {**found, "features": int(columns.max())}


def made(job: Job, chosen: Settings, loaded: Mapping[str, Rows], columns: int) -> Data:
    """The matrices of the channels; columns are cut for all as they are for train's rows."""
    matrices: dict[str, xgboost.DMatrix] = {}
    for name, rows in loaded.items():
        matrices[name] = matrix.matrix(
            rows,
            params=chosen.params,
            columns=columns,
            ref=matrices.get(TRAIN),
            budget=Budget.of(job.env),
            scratch=spool.folder(job.env.settings),
        )
        exact_times(matrices[name], chosen)
    return Data(train=matrices[TRAIN], validation=matrices.get(VALIDATION))


def exact_times(made: xgboost.DMatrix, chosen: Settings) -> None:
    """survival:aft takes intervals of time; a label is one that begins and ends with it."""
    if chosen.objective == "survival:aft":
        labels = made.get_label()
        made.set_info(label_lower_bound=labels, label_upper_bound=labels)


def identity(chosen: Settings, sizes: Mapping[str, int]) -> dict[str, Any]:
    """What a checkpoint must have in common with this training to be gone on with.

    The number of rounds may differ, and so may what changes no model.
    """
    params = {
        name: value
        for name, value in chosen.params.items()
        if name not in ("nthread", "verbosity", "seed_per_iteration")
    }
    watched = {"early_stopping_rounds": chosen.patience, "watched metric": chosen.watched}
    rows = {f"rows and columns, {name}": size for name, size in sizes.items()}
    return {**params, **(watched if chosen.patience else {}), **rows}
