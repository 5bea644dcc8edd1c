"""Every hyperparameter of the XGBoost algorithm, tried against xgboost 3.2.

Left out, because they can't work here: `enable_categorical`, `max_cat_to_onehot`,
`max_cat_threshold` and `feature_types` (no content type carries categories or types of columns).
Set by the training loop and so not by a job: `seed_per_iteration`, `disable_default_eval_metric`.
Where no default stands, nothing is passed on and xgboost decides, as
`library_default` tells.
"""

from __future__ import annotations

from container_toolkit.algorithms.declaration import (
    TRUE_OR_FALSE,
    Hyperparameter,
    category,
    continuous,
    free_text,
    integer,
)
from container_toolkit.algorithms.xgboost import texts
from container_toolkit.algorithms.xgboost.boosters import (
    DART,
    LINEAR,
    NO_EFFECT,
    NOT_NEGATIVE,
    SHARE,
    TREES,
)

OBJECTIVES = (
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "reg:squarederror",
    "reg:linear",
    "reg:logistic",
    "reg:gamma",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
)
ANY, POSITIVE = "", "(0, +inf)"

JOB = (
    integer("num_round", "[1, +inf)", "Rounds of boosting.", "[1, 4000]", required=True),
    integer(
        "early_stopping_rounds",
        "[1, +inf)",
        "Stop when the last metric of validation has not improved for so many rounds, and keep the"
        " model of the best one.",
    ),
    integer(
        "csv_weights",
        SHARE,
        "1: the column after the label is the row's weight.",
        default=0,
    ),
    free_text(
        "eval_metric",
        texts.metrics,
        "metrics, with commas",
        "What to watch after every round; the objective's own metric where nothing is given.",
        library_default="the objective's",
    ),
    free_text(
        "_tuning_objective_metric",
        texts.tuning_metric,
        "validation:METRIC",
        "The metric that a tuning job compares; watched besides eval_metric.",
    ),
    integer("_kfold", "[2, +inf)", "Cross-validate with so many folds instead."),
    integer("_num_cv_round", "[1, +inf)", "How often to repeat the folds.", default=1),
    category(
        "save_model_on_termination",
        TRUE_OR_FALSE,
        "Whether a job that is stopped keeps the model of its last full round.",
        default="false",
    ),
    integer("seed", ANY, "Of all randomness.", default=0, aliases=("random_state",)),
    integer(
        "nthread", "[1, +inf)", "Threads.", aliases=("n_jobs",), library_default="the host's CPUs"
    ),
    free_text(
        "_extra_parameters",
        texts.extra,
        "JSON object",
        "Parameters handed to xgboost as they stand, for those that this table does not have.",
    ),
)

GENERAL = (
    category("booster", ("gbtree", "gblinear", "dart"), "The model.", default="gbtree"),
    category(
        "objective",
        OBJECTIVES,
        "What is learned.",
        default="reg:squarederror",
        hints={
            "aft_loss_distribution": "it is a hyperparameter of survival:aft, set it as such",
            "binary:logistraw": "did you mean binary:logitraw?",
        },
    ),
    integer("num_class", "[2, +inf)", "Number of classes, for multi: objectives."),
    category("device", ("cpu", "cuda"), "Where to compute.", hints={"gpu": "did you mean cuda?"}),
    integer("verbosity", "[0, 3]", "Of xgboost's own log.", library_default="1"),
    continuous(
        "base_score",
        ANY,
        "The prediction to start from.",
        library_default="estimated from the labels",
    ),
    category(
        "multi_strategy",
        ("one_output_per_tree", "multi_output_tree"),
        "One tree for each class or label, or for all of them.",
        library_default="one_output_per_tree",
    ),
    continuous("scale_pos_weight", POSITIVE, "Weight of the positive class.", library_default="1"),
)

OF_AN_OBJECTIVE = (
    continuous("tweedie_variance_power", "(1, 2)", "For reg:tweedie.", library_default="1.5"),
    continuous("huber_slope", POSITIVE, "For reg:pseudohubererror.", library_default="1"),
    free_text(
        "quantile_alpha",
        texts.quantiles,
        "numbers of [0, 1], with commas",
        "The quantiles of reg:quantileerror.",
    ),
    category(
        "aft_loss_distribution",
        ("normal", "logistic", "extreme"),
        "For survival:aft.",
        library_default="normal",
    ),
    continuous("aft_loss_distribution_scale", POSITIVE, "For survival:aft.", library_default="1"),
    category(
        "lambdarank_pair_method",
        ("topk", "mean"),
        "How pairs are made, for rank: objectives.",
        library_default="topk",
    ),
    integer(
        "lambdarank_num_pair_per_sample",
        "[1, +inf)",
        "Pairs of a row, or the k of topk.",
        library_default="32 for topk, else 1",
    ),
    category(
        "lambdarank_normalization", TRUE_OR_FALSE, "Of the gradients.", library_default="true"
    ),
    category(
        "lambdarank_score_normalization",
        TRUE_OR_FALSE,
        "Of the difference of scores.",
        library_default="true",
    ),
    category(
        "lambdarank_unbiased",
        TRUE_OR_FALSE,
        "Whether the position's bias is taken out.",
        library_default="false",
    ),
    continuous("lambdarank_bias_norm", NOT_NEGATIVE, "Norm of that bias.", library_default="1"),
    category("ndcg_exp_gain", TRUE_OR_FALSE, "Gain is 2^relevance - 1.", library_default="true"),
)

WITHOUT_EFFECT = (
    continuous("sketch_eps", "(0, 1)", "", deprecated=NO_EFFECT),
    category("dsplit", ("row", "col"), "", deprecated=NO_EFFECT),
    category("predictor", ("auto", "cpu_predictor", "gpu_predictor"), "", deprecated=NO_EFFECT),
    category("single_precision_histogram", TRUE_OR_FALSE, "", deprecated=NO_EFFECT),
    category("deterministic_histogram", TRUE_OR_FALSE, "", deprecated=NO_EFFECT),
    continuous("prob_buffer_row", "(1, +inf)", "", deprecated=NO_EFFECT),
    category(
        "use_dask_gpu_training",
        ("false",),
        "",
        hints={"true": "set device to cuda instead"},
        deprecated="a GPU is chosen with device",
    ),
)

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    *JOB,
    *GENERAL,
    *TREES,
    *DART,
    *LINEAR,
    *OF_AN_OBJECTIVE,
    *WITHOUT_EFFECT,
)
