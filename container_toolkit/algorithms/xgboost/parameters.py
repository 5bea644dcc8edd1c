"""What of a job's hyperparameters goes to the library, and in the form that it reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.xgboost.hyperparameters import HYPERPARAMETERS, JOB

if TYPE_CHECKING:
    from collections.abc import Mapping

# Both the loop's and the library's.
SHARED = frozenset(("seed", "nthread"))
# The training loop's own, and what has no effect any more.
NOT_FOR_THE_LIBRARY: frozenset[str] = (
    frozenset({one.name for one in JOB} | {one.name for one in HYPERPARAMETERS if one.deprecated})
    - SHARED
)

TWEEDIE = "tweedie-nloglik"
TWEEDIE_POWER = 1.5  # xgboost's own default


def booster(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters for `xgboost.train`, without eval_metric, which the loop decides on."""
    given = {name: value for name, value in values.items() if name not in NOT_FOR_THE_LIBRARY}
    if "interaction_constraints" in given:
        # As a list it would be read as names of columns.
        given["interaction_constraints"] = json.dumps(given["interaction_constraints"])
    if "monotone_constraints" in given:
        given["monotone_constraints"] = f"({','.join(map(str, given['monotone_constraints']))})"
    if "updater" in given:
        given["updater"] = ",".join(given["updater"])
    if "quantile_alpha" in given:
        given["quantile_alpha"] = list(given["quantile_alpha"])
    return given | dict(values.get("_extra_parameters", {}))


def metrics(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The metrics to watch, each once: eval_metric's and, last, a tuning job's.

    Empty where none is given: the objective's own is watched then.
    """
    names = list(values.get("eval_metric", ()))
    tuned = values.get("_tuning_objective_metric", "").partition(":")[2]
    if tuned and tuned not in names:
        names.append(tuned)
    power = values.get("tweedie_variance_power", TWEEDIE_POWER)
    # xgboost knows that metric only together with its variance power.
    return tuple(f"{TWEEDIE}@{power:g}" if name == TWEEDIE else name for name in names)
