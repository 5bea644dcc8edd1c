"""The rounds of boosting: one after the other, told, kept, and ended when it is time.

A run that is resumed makes, bit for bit, the model of a run that is not. Against xgboost 3.2 that
takes three things, each of which a test takes away: randomness seeded anew in every round
(`seed_per_iteration`), the updaters made anew in every round (`renew`), and the first round's cuts
for the approximate method (`make_first_cuts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from container_toolkit.algorithms.xgboost import metric_names
from container_toolkit.algorithms.xgboost.checkpoints import ATTRIBUTE, state_of
from container_toolkit.algorithms.xgboost.early_stopping import Best, EarlyStopping
from container_toolkit.algorithms.xgboost.evaluation import VALIDATION, Evaluation, line
from container_toolkit.algorithms.xgboost.settings import LINEAR
from container_toolkit.errors import AlgorithmError

if TYPE_CHECKING:
    from collections.abc import Callable

    import xgboost

    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.algorithms.xgboost.checkpoints import Checkpoint, Checkpoints
    from container_toolkit.algorithms.xgboost.evaluation import Data, Score
    from container_toolkit.algorithms.xgboost.settings import Settings
    from container_toolkit.algorithms.xgboost.termination import Stop


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What all trainings of a job share. `say` tells a line, on the leader."""

    settings: Settings
    hosts: Hosts
    stop: Stop
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Boosted:
    """`booster`: the model, of the best round where training may stop early. `rounds`: how many
    were boosted in all. `stopped`: whether that was before the end, because somebody asked."""

    booster: xgboost.Booster
    evaluation: Evaluation
    rounds: int
    stopped: bool


class Course:
    """A training under way. `done`: rounds boosted so far. `watched`: what early stopping looks at,
    as the lines of rounds call it."""

    def __init__(self, run: Run, data: Data, resumed: Checkpoint | None) -> None:
        """A collective."""
        self.evaluation = Evaluation(run.settings, data, run.hosts)
        self.booster = started(run.settings, data, resumed)
        self.best = resumed.best if resumed else Best()
        self.done = resumed.iteration + 1 if resumed else 0
        self.watched = f"{VALIDATION}-{run.settings.watched or 'metric'}"
        self._run = run
        self._data = data
        self._watches = run.settings.patience > 0 and data.validation is not None

    @property
    def ended_early(self) -> bool:
        early = EarlyStopping(patience=self._run.settings.patience)
        return self._watches and self.done > 0 and early.is_over(self.done - 1, self.best)

    @property
    def is_over(self) -> bool:
        return self.done >= self._run.settings.rounds or self.ended_early

    def one_round(self) -> None:
        """A collective."""
        renew(self.booster, self._run.settings)
        self.booster.update(self._data.train, self.done)
        scores = self.evaluation.scores(self.booster, self.done)
        self._run.say(line(self.done, scores))
        if self._watches:
            score = self.evaluation.watched(scores)
            self.watched = f"{score.data}-{score.metric}"
            self.best = better(self._run.settings, self.booster, self.done, score, self.best)
        self.done += 1


def boost(run: Run, data: Data, checkpoints: Checkpoints) -> Boosted:
    """Boost until the last round, or it is time to stop; a collective.

    Resumes from the leader's newest checkpoint. Raises DataError for labels that don't suit the
    metrics, and what xgboost raises.
    """
    course = Course(run, data, resumable(run, checkpoints))
    kept = course.done
    stopped = False
    while not (course.is_over or stopped):
        stopped = run.stop.agreed(run.hosts)
        if not stopped:
            course.one_round()
        last = course.is_over or stopped
        if run.hosts.rank == 0 and kept < course.done and (last or checkpoints.is_due()):
            checkpoints.keep(course.booster, course.done - 1, course.best)
            kept = course.done
    if course.ended_early:
        run.say(
            f"stopped early at round {course.done - 1}: {course.watched} has not improved for"
            f" {run.settings.patience} rounds"
        )
    return Boosted(
        booster=of_best_round(course.booster, run.settings, course.best),
        evaluation=course.evaluation,
        rounds=course.done,
        stopped=stopped,
    )


def resumable(run: Run, checkpoints: Checkpoints) -> Checkpoint | None:
    """The leader's newest checkpoint, on every host."""
    newest = checkpoints.newest(run.settings.rounds) if run.hosts.rank == 0 else None
    raw = run.hosts.broadcast(newest.raw if newest else b"")
    if not raw:
        return None
    checkpoint = newest or state_of(raw)
    if checkpoint is None:
        raise AlgorithmError("the checkpoint that the leader sent could not be read.")
    run.say(f"resumed after round {checkpoint.iteration}")
    return checkpoint


def started(settings: Settings, data: Data, resumed: Checkpoint | None) -> xgboost.Booster:
    """A booster that knows the data, so that predictions are cached from round to round."""
    import xgboost

    cache = [matrix for matrix, _ in data.named()]
    booster = xgboost.Booster(settings.library(), cache)
    if resumed is None:
        return booster
    if settings.keeps_first_cuts and resumed.iteration + 1 < settings.rounds:
        make_first_cuts(settings, data)
    booster.load_model(bytearray(resumed.raw))
    booster.set_attr(**{ATTRIBUTE: None})
    booster.set_param(settings.library())
    return booster


def make_first_cuts(settings: Settings, data: Data) -> None:
    """With the approximate method xgboost cuts columns in the first round, by that round's sample
    of rows, and for some objectives stays with those cuts: do that round again, for its cuts."""
    import xgboost

    booster = xgboost.Booster(settings.library(), [data.train])
    renew(booster, settings)
    booster.update(data.train, 0)


def renew(booster: xgboost.Booster, settings: Settings) -> None:
    """Have xgboost make the tree updaters anew.

    They hold the state of the sampling of columns, which no model file has. xgboost makes new ones
    when their names change.
    """
    if settings.booster == LINEAR or not settings.repeats_rounds:
        return
    given = settings.params.get("updater")
    if given:
        name, value, other = "updater", given, "prune"
    else:
        name, value = "tree_method", settings.params.get("tree_method", "auto")
        other = "hist" if value == "approx" else "approx"
    booster.set_param(name, other)
    booster.num_boosted_rounds()  # parameters are taken up when next there is a use for them
    booster.set_param(name, value)


def better(
    settings: Settings, booster: xgboost.Booster, iteration: int, score: Score, best: Best
) -> Best:
    early = EarlyStopping(patience=settings.patience, maximize=metric_names.maximize(score.metric))
    if not early.improves(score.value, best):
        return best
    model = bytes(booster.save_raw("ubj")) if settings.changes_trees else b""
    return Best(iteration=iteration, score=score.value, model=model)


def of_best_round(booster: xgboost.Booster, settings: Settings, best: Best) -> xgboost.Booster:
    """The model cut to the best round, with xgboost's own attributes for it."""
    import xgboost

    if best.iteration < 0:
        return booster
    if best.model:
        booster = xgboost.Booster(model_file=bytearray(best.model))
    else:
        booster = booster[: best.iteration + 1]
    booster.set_param(settings.library())
    booster.set_attr(best_iteration=str(best.iteration), best_score=repr(best.score))
    return booster
