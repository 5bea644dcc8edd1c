"""A job's hyperparameters as the training loop needs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.xgboost import metric_names, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

# Ways to find splits, as tree_method and as updater.
APPROXIMATE = ("approx", "grow_histmaker")
EXACT = ("exact", "grow_colmaker")
LINEAR, DART = "gblinear", "dart"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`params`: xgboost's, all but the metrics. `metrics`: those to watch, in their order; empty
    for the objective's own. `watched`: the one that early stopping looks at, "" for the last.
    `patience`: rounds without improvement until training stops, 0 for no early stopping.
    `folds`: 0 where nothing is cross-validated.
    """

    params: Mapping[str, Any]
    rounds: int
    metrics: tuple[str, ...] = ()
    watched: str = ""
    patience: int = 0
    folds: int = 0
    repeats: int = 1
    csv_weights: bool = False
    save_on_stop: bool = False

    @property
    def objective(self) -> str:
        return str(self.params["objective"])

    @property
    def classes(self) -> int:
        """How many classes labels tell apart; 2 for what tells two apart, or none."""
        return int(self.params.get("num_class") or 2)

    @property
    def seed(self) -> int:
        return int(self.params.get("seed", 0))

    @property
    def booster(self) -> str:
        return str(self.params.get("booster", "gbtree"))

    @property
    def changes_trees(self) -> bool:
        """Whether a later round changes what earlier ones have made, so that the best round's
        model is no part of the last one's."""
        return self.booster in (LINEAR, DART)

    @property
    def keeps_first_cuts(self) -> bool:
        """Whether the first round's sample decides where columns are cut in all rounds."""
        return self._grows_by(APPROXIMATE)

    @property
    def sorts_columns(self) -> bool:
        """Whether splits are found in whole columns, of all rows."""
        return self._grows_by(EXACT)

    def _grows_by(self, names: tuple[str, str]) -> bool:
        method = self.params.get("updater") or self.params.get("tree_method") or ""
        return self.booster != LINEAR and not {*names}.isdisjoint(str(method).split(","))

    @property
    def resumes(self) -> bool:
        """Whether xgboost can go on from a model: it has no way to with positions' biases."""
        return self.params.get("lambdarank_unbiased") != "true"

    @property
    def repeats_rounds(self) -> bool:
        """Whether a round's randomness depends on the seed and the round's number alone."""
        return bool(self.params.get("seed_per_iteration"))

    def to_be_resumed(self) -> Settings:
        """With rounds that can be repeated: else a run that is resumed would draw other samples
        than one that is not. Without, the model is what xgboost's own `train` makes."""
        return replace(self, params={**self.params, "seed_per_iteration": True})

    @property
    def native(self) -> tuple[str, ...]:
        """The metrics that xgboost computes."""
        return tuple(name for name in self.metrics if not is_ours(name))

    @property
    def ours(self) -> tuple[str, ...]:
        return tuple(name for name in self.metrics if is_ours(name))

    def library(self) -> list[tuple[str, Any]]:
        """All of xgboost's parameters, in the form a Booster takes."""
        pairs = list(self.params.items())
        pairs += [("eval_metric", name) for name in dict.fromkeys(map(library_name, self.native))]
        if self.metrics and not self.native:
            pairs.append(("disable_default_eval_metric", True))
        return pairs


def of(values: Mapping[str, Any], cpus: int) -> Settings:
    """`values`: a job's hyperparameters, `cpus`: how many the host may use at once."""
    params = {"nthread": cpus, **parameters.booster(values)}
    # A tuning metric may be one of train; early stopping looks at validation all the same.
    tuned = values.get("_tuning_objective_metric", "")
    metrics = parameters.metrics(values)
    alone = parameters.metrics({**values, "eval_metric": ()})
    return Settings(
        params=params,
        rounds=values["num_round"],
        metrics=metrics,
        watched=alone[0] if tuned else (metrics[-1] if metrics else ""),
        patience=values.get("early_stopping_rounds", 0),
        folds=values.get("_kfold", 0),
        repeats=values.get("_num_cv_round", 1),
        csv_weights=bool(values.get("csv_weights")),
        save_on_stop=values.get("save_model_on_termination") == "true",
    )


def library_name(metric: str) -> str:
    """As xgboost itself calls the metric: `error` for `error@0.5`.

    By any other name it would add the metric once more whenever parameters are set.
    """
    stem, _, threshold = metric.partition("@")
    if stem not in metric_names.THRESHOLDS or not threshold:
        return metric
    name = f"{stem}@{float(threshold):g}"
    return "error" if name == "error@0.5" else name


def is_ours(metric: str) -> bool:
    return metric_names.base(metric) in metric_names.OURS
