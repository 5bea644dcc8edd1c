"""What XGBoost's hyperparameters must keep to between them; each was tried against xgboost 3.2.

Refused is what xgboost would fail on after the data has been read, what gives no number, and what
it would silently leave out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.declaration import Rule
from container_toolkit.algorithms.xgboost import metric_names
from container_toolkit.algorithms.xgboost.hyperparameters import HYPERPARAMETERS
from container_toolkit.algorithms.xgboost.parameters import metrics
from container_toolkit.algorithms.xgboost.texts import GROWERS, LINEAR

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    Values = Mapping[str, Any]
    Check = Callable[[Values, Collection[str]], str]

CLASSIFIERS = ("binary:", "multi:", "reg:logistic")
# Averages over the classes are made of one class each; these speak of the positive one.
POSITIVE_CLASS = ("f1_binary", "precision", "recall")
CLASS_METRICS = metric_names.OURS - {"mse", "r2"}
# Of the metrics, what works where there is a score for each class.
MANY_CLASSES = {"merror", "mlogloss", "auc", "aucpr"} | CLASS_METRICS
SURVIVAL = ("aft-nloglik", "interval-regression-accuracy")
BELOW_ONE = ("binary:logistic", "reg:logistic")
ABOVE_ZERO = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox")
# Resuming a job, and the lines of its metrics, hang on these.
THE_LOOPS = ("seed_per_iteration", "disable_default_eval_metric")


def num_class(values: Values, _: Collection[str]) -> str:
    objective = values["objective"]
    if objective.startswith("multi:"):
        if "num_class" not in values:
            return "Require input for parameter 'num_class' for multi-classification"
        return ""
    if "num_class" in values:
        return (
            f"num_class is for multi:softmax and multi:softprob, but the objective is {objective}"
        )
    return ""


def metrics_suit(values: Values, _: Collection[str]) -> str:
    """Every metric watched gives a number for this objective."""
    objective, classes = values["objective"], values.get("num_class", 0)
    quantiles = len(values.get("quantile_alpha", ())) if objective == "reg:quantileerror" else 1
    for name in metrics(values):
        reason = unsuited(metric_names.base(name), objective, classes)
        if quantiles > 1 and name != "quantile":
            reason = "one prediction a row, and there is one for each quantile"
        if reason:
            return f"Metric '{name}' can only be applied for {reason}"
    return ""


def unsuited(name: str, objective: str, classes: int) -> str:
    """What the metric is for, where that is not this objective."""
    multi = objective.startswith("multi:")
    if name in SURVIVAL and objective != "survival:aft":
        return "'survival:aft' objective"
    if name in ("auc", "aucpr") and not objective.startswith((*CLASSIFIERS, "rank:")):
        return "classification and ranking problems"
    if name in ("merror", "mlogloss") and not multi:
        return "multi: objectives"
    if name in CLASS_METRICS and not objective.startswith(CLASSIFIERS):
        return "classification problems"
    if name in POSITIVE_CLASS and multi and classes != 2:
        return f"two classes; use {name.removesuffix('_binary')}_macro"
    if name == "quantile" and objective != "reg:quantileerror":
        return "'reg:quantileerror' objective"
    if multi and name not in MANY_CLASSES:
        return "one prediction a row, and multi: objectives make one for each class"
    return ""


def constraints(values: Values, _: Collection[str]) -> str:
    for name in ("monotone_constraints", "interaction_constraints"):
        if name in values and values["booster"] == "gblinear":
            return f"{name} can be used only with trees, that is booster gbtree or dart"
    return ""


def updater(values: Values, _: Collection[str]) -> str:
    given = values.get("updater")
    if given is None:
        return ""
    if values["booster"] == "gblinear":
        if len(given) > 1 or given[0] not in LINEAR:
            return f"Linear updater should be one of these options: {', '.join(LINEAR)}"
        return ""
    if set(given) & set(LINEAR):
        return f"updater {', '.join(LINEAR)} is for booster gblinear"
    if values.get("process_type") == "update":
        return ""
    growers = [name for name in given if name in GROWERS]
    if len(growers) > 1:
        return f"Only one tree grow plugin can be selected, one of {', '.join(GROWERS)}"
    if given[0] not in GROWERS:
        return f"updater must begin with what grows trees, one of {', '.join(GROWERS)}"
    return ""


def process_type(values: Values, _: Collection[str]) -> str:
    if values.get("process_type") != "update":
        return ""
    if not set(values.get("updater", ())) & {"refresh", "prune"}:
        return "process_type 'update' can only be used with updater 'refresh' and 'prune'"
    return (
        "process_type 'update' changes a model's trees, but this algorithm starts without a model"
    )


def multi_output(values: Values, _: Collection[str]) -> str:
    if values.get("multi_strategy") != "multi_output_tree":
        return ""
    if values["booster"] != "gbtree" or values.get("tree_method", "hist") not in ("auto", "hist"):
        return "multi_strategy multi_output_tree needs booster gbtree and tree_method hist"
    for name in ("monotone_constraints", "interaction_constraints", "updater"):
        if name in values:
            return f"{name} can't be used with multi_strategy multi_output_tree"
    return ""


def exact(values: Values, _: Collection[str]) -> str:
    """Updater grow_colmaker is the same method by another name."""
    grower = values.get("updater", ("",))[0]
    if values["booster"] == "gblinear":
        return ""
    if grower != "grow_colmaker" and (grower or values.get("tree_method") != "exact"):
        return ""
    if values.get("max_depth") == 0:
        return "max_depth can't be 0, no limit, with tree_method exact"
    if values.get("colsample_bynode", 1) != 1:
        return "colsample_bynode can't be used with tree_method exact"
    if values.get("sampling_method") == "gradient_based":
        return "sampling_method gradient_based can't be used with tree_method exact"
    if values.get("device") == "cuda":
        return "tree_method exact can't be used with device cuda"
    return ""


def selector(values: Values, _: Collection[str]) -> str:
    """The default updater, shotgun, takes two of the selectors only."""
    chosen = values.get("feature_selector", "cyclic")
    if values["booster"] != "gblinear" or values.get("updater", LINEAR[:1]) != LINEAR[:1]:
        return ""
    if chosen not in ("cyclic", "shuffle"):
        return f"feature_selector {chosen} needs updater coord_descent"
    return ""


def quantiles(values: Values, _: Collection[str]) -> str:
    if values["objective"] == "reg:quantileerror" and "quantile_alpha" not in values:
        return "Require input for parameter 'quantile_alpha' for objective reg:quantileerror"
    return ""


def base_score(values: Values, _: Collection[str]) -> str:
    score, objective = values.get("base_score"), values["objective"]
    if score is None:
        return ""
    if objective in BELOW_ONE and not 0 < score < 1:
        return f"base_score {score:g} is not in (0, 1), where {objective} predicts"
    if objective in ABOVE_ZERO and score <= 0:
        return f"base_score {score:g} is not in (0, +inf), where {objective} predicts"
    return ""


def held_out(values: Values, channels: Collection[str]) -> str:
    """What is told about the validation channel needs one; folds hold out rows of their own."""
    if "validation" in channels or "_kfold" in values:
        return ""
    if "early_stopping_rounds" in values:
        return "early_stopping_rounds needs the channel validation, which this job has not"
    tuned = values.get("_tuning_objective_metric", "")
    if tuned.startswith("validation:"):
        return (
            f"_tuning_objective_metric {tuned} needs the channel validation, which this job has not"
        )
    return ""


def folds(values: Values, _: Collection[str]) -> str:
    if "_kfold" not in values and values.get("_num_cv_round", 1) != 1:
        return "_num_cv_round repeats folds, so set _kfold too"
    return ""


def extra(values: Values, _: Collection[str]) -> str:
    """What this package declares, checks or decides must not be set behind its back."""
    known = {name for one in HYPERPARAMETERS for name in (one.name, *one.aliases)}
    for name in values.get("_extra_parameters", {}):
        if name in known:
            return f"_extra_parameters holds {name}, which is a hyperparameter; set it as such"
        if name in THE_LOOPS:
            return f"_extra_parameters holds {name}, which the training loop sets"
    return ""


WATCHED = ("objective", "num_class", "quantile_alpha", "eval_metric", "_tuning_objective_metric")
MULTI = (
    "booster",
    "multi_strategy",
    "tree_method",
    "monotone_constraints",
    "interaction_constraints",
    "updater",
)
EXACT = (
    "booster",
    "tree_method",
    "updater",
    "max_depth",
    "colsample_bynode",
    "sampling_method",
    "device",
)
RULES = tuple(
    Rule(about=names, check=check)
    for names, check in (
        (("objective", "num_class"), num_class),
        (WATCHED, metrics_suit),
        (("booster", "monotone_constraints", "interaction_constraints"), constraints),
        (("booster", "updater", "process_type"), updater),
        (("updater", "process_type"), process_type),
        (MULTI, multi_output),
        (EXACT, exact),
        (("booster", "feature_selector", "updater"), selector),
        (("objective", "quantile_alpha"), quantiles),
        (("objective", "base_score"), base_score),
        (("early_stopping_rounds", "_tuning_objective_metric", "_kfold"), held_out),
        (("_kfold", "_num_cv_round"), folds),
        (("_extra_parameters",), extra),
    )
)
