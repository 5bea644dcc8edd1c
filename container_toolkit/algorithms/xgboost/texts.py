"""XGBoost's free-text hyperparameters into values."""

from __future__ import annotations

from typing import Any

from container_toolkit.algorithms import parsing
from container_toolkit.algorithms.parsing import OutOfRange
from container_toolkit.algorithms.xgboost import metric_names
from container_toolkit.algorithms.xgboost.metric_names import CUTS, MINUS, THRESHOLDS

# Of xgboost 3.2; what older releases had besides is in GONE.
GROWERS = ("grow_colmaker", "grow_histmaker", "grow_quantile_histmaker")
CHANGERS = ("prune", "refresh", "sync")
LINEAR = ("shotgun", "coord_descent")
GONE = ("distcol", "grow_skmaker", "grow_local_histmaker", "grow_gpu_hist")


def metrics(text: str) -> tuple[str, ...]:
    """`rmse, error@0.7`: names that exist, each with what may follow it."""
    names = parsing.words(text)
    known = metric_names.NATIVE | metric_names.OURS
    unknown = [name for name in names if "@" not in name and name.rstrip("-") not in known]
    if unknown:
        hint = parsing.meant(unknown[0], sorted(known))
        raise OutOfRange(
            f"value {parsing.shown(str(list(names)))} not in range, no metric is called"
            f" {parsing.shown(unknown[0])!r}{hint}"
        )
    for name in names:
        check_metric(name)
    return names


def check_metric(name: str) -> None:
    """Raises OutOfRange for what follows the name of a metric, where nothing of the kind may."""
    stem, at, follows = name.partition("@")
    cut = follows.removesuffix("-") if stem in MINUS else follows
    if name.endswith("-") and metric_names.base(name) not in MINUS:
        raise OutOfRange(f"Metric {name!r} is not supported: only ndcg and map may end in '-'")
    if not at:
        return
    if stem not in THRESHOLDS | CUTS:
        raise OutOfRange(
            f"Metric {name!r} is not supported. Parameter 'eval_metric' with customized threshold"
            f" should be one of these options: {', '.join(sorted(THRESHOLDS | CUTS))}"
        )
    try:
        value = parsing.whole(cut) if stem in CUTS else parsing.number(cut)
    except ValueError:
        kind = "a whole number" if stem in CUTS else "float"
        raise OutOfRange(f"Threshold value {follows!r} in {name!r} expects {kind} input") from None
    if stem in CUTS and value < 1:
        raise OutOfRange(f"Threshold value {follows!r} in {name!r} must be 1 or more")
    if stem == "tweedie-nloglik" and not 1 < value < 2:
        raise OutOfRange(f"Threshold value {follows!r} in {name!r} is not in (1, 2)")


def tuning_metric(text: str) -> str:
    """`validation:rmse`; `train:rmse` too."""
    data, colon, name = text.partition(":")
    if not colon or data not in metric_names.DATA:
        raise OutOfRange(f"{parsing.shown(text)} is no metric of a channel, e.g. validation:rmse")
    if len(metrics(name)) != 1:
        raise OutOfRange(f"{parsing.shown(text)} is more than one metric")
    return f"{data}:{name.strip()}"


def monotone(text: str) -> tuple[int, ...]:
    found = parsing.wholes(text)
    if not set(found) <= {-1, 0, 1}:
        raise OutOfRange(f"value {parsing.shown(text)} not in range: only -1, 0 and 1 may stand")
    return found


def quantiles(text: str) -> tuple[float, ...]:
    found = parsing.numbers(text)
    if not all(0 <= one <= 1 for one in found):
        raise OutOfRange(f"value {parsing.shown(text)} not in range [0, 1]")
    return found


def updaters(text: str) -> tuple[str, ...]:
    found = parsing.words(text)
    known = (*GROWERS, *CHANGERS, *LINEAR)
    for name in found:
        if name in GONE:
            raise OutOfRange(f"value {name} not in range {list(known)}: xgboost has dropped it")
        if name not in known:
            hint = parsing.meant(name, known)
            raise OutOfRange(f"value {parsing.shown(name)} not in range {list(known)}{hint}")
    return found


def extra(text: str) -> dict[str, Any]:
    return parsing.members(text)
