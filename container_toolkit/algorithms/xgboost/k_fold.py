"""Cross-validation: each fold's model is judged by the rows that were held out from it."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from container_toolkit.algorithms.hosts import Alone
from container_toolkit.algorithms.xgboost import inputs, model, outputs
from container_toolkit.algorithms.xgboost import labels as label_rules
from container_toolkit.algorithms.xgboost.boost import Run, boost
from container_toolkit.algorithms.xgboost.checkpoints import Checkpoints
from container_toolkit.algorithms.xgboost.evaluation import TRAIN, VALIDATION, Score, line
from container_toolkit.algorithms.xgboost.failures import told
from container_toolkit.algorithms.xgboost.files import write_whole
from container_toolkit.algorithms.xgboost.predict import most_frequent
from container_toolkit.contract import checkpoints as contract
from container_toolkit.errors import ConfigError, DataError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import xgboost
    from numpy.typing import NDArray

    from container_toolkit.algorithms.declaration import Job
    from container_toolkit.algorithms.xgboost.data import Rows
    from container_toolkit.algorithms.xgboost.settings import Settings
    from container_toolkit.algorithms.xgboost.termination import Stop
    from container_toolkit.content_types.batch import Floats

PREDICTIONS = "predictions.csv"


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """What came of one fold. `held_out`: (rows,) which rows it was judged by, `predictions`: what
    its model puts out for them."""

    booster: xgboost.Booster
    scores: list[Score]
    held_out: NDArray[np.bool_]
    predictions: Floats


def train(job: Job, chosen: Settings, stop: Stop, say: Callable[[str], None]) -> bool:
    """Train a model for each fold, on the rows of train and validation together.

    Leaves `xgboost-model-0` and on, and `predictions.csv` in output/data, a line for each row in
    its order: the label, what the models put out that had not seen it (the mean of the
    repetitions), and for classes the one most often predicted. True when a stop was asked for
    before the end. Raises ConfigError for several hosts and for ranking.
    """
    check(job, chosen)
    rows = inputs.load_joined(job, chosen)
    label_rules.check(rows, chosen)
    sizes = inputs.counted({TRAIN: rows}, Alone())
    say(f"{rows.rows} rows, {sizes['features']} features, {chosen.folds} folds")
    folder = contract.load(job.env.layout)
    chosen = chosen.to_be_resumed() if folder else chosen
    folds: list[Fold] = []
    with stop.listening(), told("training"):
        run = Run(settings=chosen, hosts=Alone(), stop=stop, say=say)
        for number, held_out in enumerate(splits(rows.labels(), chosen)):
            say(f"fold {number + 1} of {chosen.folds * chosen.repeats}")
            place = os.path.join(folder, f"model-{number}") if folder else ""
            identity = {**inputs.identity(chosen, sizes), **split_of(chosen)}
            fold = one(job, run, rows, held_out, Checkpoints(place, identity, say))
            if fold is None:
                break
            folds.append(fold)
        stopped = len(folds) < chosen.folds * chosen.repeats
        if folds and (chosen.save_on_stop or not stopped):
            save(job, folds)
        if not stopped:
            write_predictions(job, chosen, rows.labels(), folds)
            say(line(chosen.rounds, means([fold.scores for fold in folds])))
    return stopped


def check(job: Job, chosen: Settings) -> None:
    if job.env.cluster.size > 1:
        raise ConfigError("_kfold trains on one host; set InstanceCount to 1.")
    if chosen.objective.startswith("rank:"):
        raise ConfigError(
            f"_kfold would tear apart the groups of {chosen.objective}; leave it out, and give a"
            " validation channel."
        )


def split_of(chosen: Settings) -> dict[str, int]:
    return {"_kfold": chosen.folds, "_num_cv_round": chosen.repeats}


def splits(labels: Floats, chosen: Settings) -> Iterator[NDArray[np.bool_]]:
    """For each fold, (rows,) which rows are held out. Where labels are classes each fold has its
    share of every class. Raises DataError where there are too few rows."""
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    stratified = chosen.objective in outputs.BY_OBJECTIVE
    kind = RepeatedStratifiedKFold if stratified else RepeatedKFold
    seed = chosen.seed % 2**32  # where xgboost takes negative ones, scikit-learn does not
    folding = kind(n_splits=chosen.folds, n_repeats=chosen.repeats, random_state=seed)
    classes = labels.astype(np.int64) if stratified else None
    try:
        parts = list(folding.split(np.empty((len(labels), 0)), classes))
    except ValueError as error:
        raise DataError(f"_kfold {chosen.folds} does not suit the data: {error}") from None
    for _, held_out in parts:
        mask = np.zeros(len(labels), np.bool_)
        mask[held_out] = True
        yield mask


def one(
    job: Job, run: Run, rows: Rows, held_out: NDArray[np.bool_], checkpoints: Checkpoints
) -> Fold | None:
    """Train one fold; None where a stop was asked for."""
    parts = {TRAIN: rows.select(~held_out), VALIDATION: rows.select(held_out)}
    data = inputs.made(job, run.settings, parts, rows.columns)
    done = boost(run, data, checkpoints)
    if done.stopped or data.validation is None:
        return None
    return Fold(
        booster=done.booster,
        scores=done.evaluation.scores(done.booster, done.rounds - 1),
        held_out=held_out,
        predictions=done.booster.predict(data.validation),
    )


def save(job: Job, folds: Sequence[Fold]) -> None:
    for number, fold in enumerate(folds):
        name = f"{model.NAME}-{number}"
        model.save(fold.booster, job.env.layout.model, name, job.content_types[TRAIN])


def means(scores: Sequence[Sequence[Score]]) -> list[Score]:
    """Over the folds, of each metric."""
    return [
        Score(
            data=same[0].data,
            metric=same[0].metric,
            value=float(np.mean([score.value for score in same])),
        )
        for same in zip(*scores, strict=True)
    ]


def write_predictions(job: Job, chosen: Settings, labels: Floats, folds: Sequence[Fold]) -> None:
    path = os.path.join(job.env.layout.output_data, PREDICTIONS)
    text = io.StringIO()
    np.savetxt(text, table(chosen, labels, folds), fmt="%.9g", delimiter=",")
    try:
        os.makedirs(job.env.layout.output_data, exist_ok=True)
        write_whole(path, text.getvalue().encode(), partial=f"{path}.partial")
    except OSError as error:
        raise PlatformError(f"{path} can't be written: {error.strerror}.") from None


def table(chosen: Settings, labels: Floats, folds: Sequence[Fold]) -> NDArray[np.float64]:
    """(rows, label + outputs + class): in each repetition a row is held out once."""
    shape = (chosen.repeats, len(labels), *folds[0].predictions.shape[1:])
    predicted = np.zeros(shape, np.float32)
    for number, fold in enumerate(folds):
        predicted[number // chosen.folds, fold.held_out] = fold.predictions
    columns: list[NDArray[Any]] = [labels.reshape(len(labels), -1)]
    if chosen.objective not in outputs.PUTS_OUT_LABELS:
        columns.append(predicted.mean(axis=0, dtype=np.float64).reshape(len(labels), -1))
    if chosen.objective in outputs.BY_OBJECTIVE:
        votes = np.stack([outputs.predicted_labels(chosen.objective, part) for part in predicted])
        columns.append(most_frequent(votes)[:, None])
    return np.hstack(columns)
