"""Trainings in this process, on a few hundred rows: what the loop makes, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from container_toolkit.algorithms.hosts import Alone
from container_toolkit.algorithms.xgboost import settings as settings_of
from container_toolkit.algorithms.xgboost.boost import Run, boost
from container_toolkit.algorithms.xgboost.checkpoints import Checkpoints
from container_toolkit.algorithms.xgboost.evaluation import Data
from container_toolkit.algorithms.xgboost.termination import Stop

if TYPE_CHECKING:
    from container_toolkit.algorithms.hosts import Hosts
    from container_toolkit.algorithms.xgboost.boost import Boosted
    from container_toolkit.algorithms.xgboost.settings import Settings

ROWS, COLUMNS = 400, 6


def settings(**hyperparameters: Any) -> Settings:
    """Of a job with these hyperparameters, parsed."""
    values = {"num_round": 8, "objective": "reg:squarederror", "booster": "gbtree", "max_depth": 3}
    if hyperparameters.get("booster") == "gblinear":
        del values["max_depth"]
    chosen = settings_of.of({**values, "verbosity": 0, **hyperparameters}, cpus=2)
    return chosen.to_be_resumed()


def labels(objective: str, values: np.ndarray) -> np.ndarray:
    """The kind of labels an objective takes, of some numbers."""
    if objective.startswith(("multi:", "rank:")):
        return np.digitize(values, [0, 1])
    if objective.startswith("binary:") or objective == "reg:logistic":
        return values > 0.5
    if objective.startswith(("count:", "reg:gamma", "reg:tweedie", "survival:", "reg:squaredlog")):
        return np.floor(np.abs(values)) + 1
    return values


def matrix(chosen: Settings, seed: int, ref: xgboost.DMatrix | None = None) -> xgboost.DMatrix:
    random = np.random.default_rng(seed)
    features = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    features[random.random(features.shape) < 0.05] = np.nan
    known = np.nan_to_num(features)
    target = known[:, 0] + known[:, 1] ** 2 + random.normal(size=ROWS) * 0.3
    label = labels(chosen.objective, target).astype(np.float32)
    method = chosen.params.get("updater") or chosen.params.get("tree_method", "hist")
    if method in ("hist", "grow_quantile_histmaker") and chosen.booster != "gblinear":
        made: xgboost.DMatrix = xgboost.QuantileDMatrix(features, label, ref=ref)
    else:
        made = xgboost.DMatrix(features, label)
    if chosen.objective.startswith("rank:"):
        made.set_info(group=np.full(ROWS // 20, 20))
    if chosen.objective == "survival:aft":
        made.set_info(label_lower_bound=label, label_upper_bound=label)
    return made


def data(chosen: Settings, *, validation: bool = True) -> Data:
    train = matrix(chosen, 1)
    return Data(train=train, validation=matrix(chosen, 2, train) if validation else None)


@dataclass
class Trained:
    """`lines`: all that was said; `rounds`: the lines of rounds among them."""

    boosted: Boosted
    lines: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> list[str]:
        return [line for line in self.lines if line.startswith("[")]

    @property
    def model(self) -> bytes:
        return bytes(self.boosted.booster.save_raw("ubj"))


def train(
    chosen: Settings,
    folder: str = "",
    *,
    matrices: Data | None = None,
    stop: Stop | None = None,
    hosts: Hosts | None = None,
    identity: dict[str, Any] | None = None,
) -> Trained:
    lines: list[str] = []
    run = Run(settings=chosen, hosts=hosts or Alone(), stop=stop or Stop(), say=lines.append)
    checkpoints = Checkpoints(folder, identity or {}, lines.append)
    return Trained(boost(run, matrices or data(chosen), checkpoints), lines)
