"""Checkpoints: after a round its model, and with it all that the next round needs to know.

A checkpoint is a model file as xgboost writes it (UBJSON), named `xgboost-checkpoint.<iteration>`
after the last round it holds, 0-based; what is ours in it is one attribute of the model.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.xgboost.early_stopping import Best
from container_toolkit.algorithms.xgboost.files import write_whole
from container_toolkit.algorithms.xgboost.ubjson import is_whole
from container_toolkit.contract.checkpoints import UNFINISHED_SUFFIX, is_uploading
from container_toolkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xgboost

NAME = "xgboost-checkpoint"
KEPT = 5
ATTRIBUTE = "container_toolkit.checkpoint"
# Every round is kept; but where writing one takes longer than this, no more than a tenth of the
# time goes into it.
QUICK = 0.1  # seconds
SHARE = 0.1

_NUMBERED = re.compile(re.escape(NAME) + r"\.(\d{1,9})")


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """`raw`: the model in UBJSON. `iteration`: the last round it holds, 0-based."""

    raw: bytes
    iteration: int
    identity: Mapping[str, Any]
    best: Best


class Checkpoints:
    """The checkpoints of one training in a folder of its own; "" keeps none. The leader's.

    `identity`: what must be the same for one to be used, values of JSON by their names.
    """

    def __init__(
        self, folder: str, identity: Mapping[str, Any], say: Callable[[str], None]
    ) -> None:
        """Raises ConfigError when there can't be such a folder."""
        self._folder = folder
        self._identity = json.loads(json.dumps(dict(identity)))
        self._say = say
        self._cost = 0.0  # seconds the last one took
        self._ended = 0.0
        if not folder:
            return
        try:
            os.makedirs(folder, exist_ok=True)
            for name in os.listdir(folder):
                if name.startswith(NAME) and name.endswith(UNFINISHED_SUFFIX):
                    os.unlink(os.path.join(folder, name))
        except OSError as error:
            raise ConfigError(
                f"the checkpoint folder {folder} can't be used: {error.strerror}; check"
                " CheckpointConfig and its permissions."
            ) from None

    def newest(self, rounds: int) -> Checkpoint | None:
        """The latest of this training that holds no more than so many rounds.

        One that is broken, or of another training, is passed over with a line that says so.
        """
        if not self._folder:
            return None
        others: dict[str, list[str]] = {}
        found = None
        for number in sorted(self._numbers(), reverse=True):
            path = self._path(number)
            checkpoint, problem = read(path, number, self._identity)
            if not problem and number >= rounds:
                problem = f"it holds more than the {rounds} rounds of num_round"
            if not problem:
                found = checkpoint
                break
            others.setdefault(problem, []).append(os.path.basename(path))
        for problem, names in others.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self._say(f"WARNING: checkpoint {names[0]}{more} in {self._folder}: {problem}")
        return found

    def is_due(self) -> bool:
        since = time.monotonic() - self._ended
        return bool(self._folder) and (self._cost <= QUICK or self._cost <= since * SHARE)

    def keep(self, booster: xgboost.Booster, iteration: int, best: Best) -> None:
        """Write one, and delete what is older than the last five; a disk that fails is told."""
        if not self._folder:
            return
        started = time.monotonic()
        state = {
            "iteration": iteration,
            "identity": self._identity,
            "best_iteration": best.iteration,
            "best_score": best.score.hex(),
            "best_model": base64.b64encode(best.model).decode(),
        }
        booster.set_attr(**{ATTRIBUTE: json.dumps(state, sort_keys=True)})
        raw = bytes(booster.save_raw("ubj"))
        booster.set_attr(**{ATTRIBUTE: None})
        path = self._path(iteration)
        try:
            write_whole(path, raw, partial=path + UNFINISHED_SUFFIX)
            self._prune(iteration)
        except OSError as error:
            self._say(f"WARNING: checkpoint {path} could not be written: {error.strerror}")
        self._ended = time.monotonic()
        self._cost = self._ended - started

    def _prune(self, newest: int) -> None:
        kept = sorted(number for number in self._numbers() if number <= newest)[-KEPT:]
        for number in self._numbers():
            path = self._path(number)
            # One that is being uploaded goes with a later round.
            if number < kept[0] and not is_uploading(path):
                os.unlink(path)

    def _numbers(self) -> list[int]:
        matches = [_NUMBERED.fullmatch(name) for name in os.listdir(self._folder)]
        return [int(match[1]) for match in matches if match]

    def _path(self, iteration: int) -> str:
        return os.path.join(self._folder, f"{NAME}.{iteration}")


def read(path: str, iteration: int, identity: Mapping[str, Any]) -> tuple[Checkpoint | None, str]:
    """The checkpoint, or what is wrong with it."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        return None, f"it can't be read ({error.strerror})"
    if not is_whole(raw):
        return None, "it is not whole, so an older one is looked for"
    state = state_of(raw)
    if state is None or state.iteration != iteration:
        return None, "it was not written by this algorithm, so it is not used"
    difference = differs(state.identity, identity)
    if difference:
        return None, f"it is of another training, so it is not used: {difference}"
    return state, ""


def state_of(raw: bytes) -> Checkpoint | None:
    """What a checkpoint holds, or None where there is nothing of ours in it, or no model."""
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(raw))
        state = json.loads(booster.attr(ATTRIBUTE) or "")
        best = Best(
            iteration=state["best_iteration"],
            score=float.fromhex(state["best_score"]),
            model=base64.b64decode(state["best_model"]),
        )
        return Checkpoint(
            raw=raw, iteration=state["iteration"], identity=state["identity"], best=best
        )
    except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError):
        return None


def differs(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first value that is another now."""
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            return f"{name} was {then.get(name)} and is {now.get(name)}"
    return ""
