"""Which metrics a job may watch, who computes each, which way is better, and how its line reads.

xgboost's own are those of release 3.2, tried one by one. The rest are computed by this package,
because xgboost has nothing of the name.
"""

from __future__ import annotations

from container_toolkit.algorithms.declaration import Metric

# Where the library has a metric, the library's is used.
NATIVE_MEANINGS = {
    "rmse": "root mean squared error",
    "rmsle": "root mean squared logarithmic error",
    "mae": "mean absolute error",
    "mape": "mean absolute percentage error",
    "mphe": "mean pseudo-Huber error",
    "logloss": "negative log-likelihood, two classes",
    "error": "share of wrong labels, two classes; error@t counts a score over t as positive",
    "merror": "share of wrong labels, many classes",
    "mlogloss": "negative log-likelihood, many classes",
    "auc": "area under the ROC curve",
    "aucpr": "area under the precision-recall curve",
    "pre": "precision of a ranking; pre@n of its first n",
    "ndcg": "normalised discounted cumulative gain; ndcg@n of the first n, ndcg- counts a list"
    " without a relevant item as 0",
    "map": "mean average precision; map@n of the first n, map- as ndcg-",
    "quantile": "pinball loss at quantile_alpha",
    "poisson-nloglik": "negative log-likelihood of a Poisson regression",
    "gamma-nloglik": "negative log-likelihood of a gamma regression",
    "gamma-deviance": "residual deviance of a gamma regression",
    "tweedie-nloglik": "negative log-likelihood of a Tweedie regression; tweedie-nloglik@p is at"
    " variance power p",
    "cox-nloglik": "negative partial log-likelihood of a Cox regression",
    "aft-nloglik": "negative log-likelihood of an accelerated failure time model",
    "interval-regression-accuracy": "share of predictions inside their interval of time",
}
OUR_MEANINGS = {
    "accuracy": "share of right labels",
    "balanced_accuracy": "mean over the classes of the share of right labels",
    "f1": "mean of the classes' F1 scores, as f1_macro",
    "f1_binary": "F1 score of the positive class",
    "f1_macro": "mean of the classes' F1 scores",
    "mse": "mean squared error",
    "precision": "precision of the positive class",
    "precision_macro": "mean of the classes' precisions",
    "precision_micro": "precision over all classes together",
    "r2": "coefficient of determination",
    "recall": "recall of the positive class",
    "recall_macro": "mean of the classes' recalls",
    "recall_micro": "recall over all classes together",
}
NATIVE: frozenset[str] = frozenset(NATIVE_MEANINGS)
OURS: frozenset[str] = frozenset(OUR_MEANINGS)

# The reference image has interval-regression-accuracy minimised, which is the wrong way round.
MAXIMIZED: frozenset[str] = frozenset(OURS - {"mse"}) | {
    "auc",
    "aucpr",
    "interval-regression-accuracy",
    "map",
    "ndcg",
    "pre",
}

# What may follow an `@`: a number each, where ranking metrics may end in `-`.
THRESHOLDS: frozenset[str] = frozenset(("error", "tweedie-nloglik"))
CUTS: frozenset[str] = frozenset(("ndcg", "map", "pre"))
MINUS: frozenset[str] = frozenset(("ndcg", "map"))

DATA = ("validation", "train")  # as the lines call the two channels


def base(name: str) -> str:
    """`error` of `error@0.7`, `ndcg` of `ndcg@5-`."""
    stem = name.partition("@")[0]
    return stem[:-1] if stem.endswith("-") else stem


def maximize(name: str) -> bool:
    """Whether more of the metric is better, whatever follows its name."""
    return base(name) in MAXIMIZED


def declared() -> tuple[Metric, ...]:
    """Every metric on both channels; validation's first, which tuning jobs choose from."""
    meanings = sorted({**NATIVE_MEANINGS, **OUR_MEANINGS}.items())
    return tuple(
        Metric(
            name=f"{data}:{name}",
            regex=regex(data, name),
            maximize=maximize(name),
            meaning=meaning,
        )
        for data in DATA
        for name, meaning in meanings
    )


def regex(data: str, name: str) -> str:
    r"""Finds the value in `[39]\ttrain-rmse:1.694\tvalidation-rmse:2.264`.

    CloudWatch shows the tab as `#011`, and so do the patterns people already have.
    """
    more = ""
    if name in THRESHOLDS | CUTS:
        more += r"(?:@[^:\s#]+)?"
    if name in MINUS:
        more = "-?" + more
    return rf"\[[0-9]+\].*?(?:\t|#011){data}-{name}{more}:([^\s#]+)"
