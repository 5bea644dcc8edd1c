"""The hyperparameters of how a model is grown: trees, trees with dropout, and the linear model."""

from __future__ import annotations

from container_toolkit.algorithms import parsing
from container_toolkit.algorithms.declaration import category, continuous, free_text, integer
from container_toolkit.algorithms.xgboost import texts

NO_EFFECT = "xgboost has no use for it since release 2"
NOT_NEGATIVE = "[0, +inf)"
SHARE, SOME = "[0, 1]", "(0, 1]"

TREES = (
    continuous(
        "eta",
        SHARE,
        "How much of each tree is added.",
        "[0.1, 0.5]",
        aliases=("learning_rate",),
        library_default="0.3",
    ),
    continuous(
        "gamma",
        NOT_NEGATIVE,
        "Loss that a split must save.",
        "[0, 5]",
        aliases=("min_split_loss",),
        library_default="0",
    ),
    integer("max_depth", NOT_NEGATIVE, "Of a tree; 0: no limit.", "[0, 10]", library_default="6"),
    integer("max_leaves", NOT_NEGATIVE, "Of a tree; 0: no limit.", library_default="0"),
    continuous(
        "min_child_weight",
        NOT_NEGATIVE,
        "Sum of weights that a leaf must hold.",
        "[0, 120]",
        library_default="1",
    ),
    continuous(
        "max_delta_step",
        NOT_NEGATIVE,
        "Largest step of a leaf; 0: no limit (count:poisson has 0.7).",
        "[0, 10]",
        library_default="0",
    ),
    continuous("subsample", SOME, "Share of rows for a tree.", "[0.5, 1]", library_default="1"),
    category(
        "sampling_method",
        ("uniform", "gradient_based"),
        "How those rows are drawn.",
        library_default="uniform",
    ),
    continuous(
        "colsample_bytree", SOME, "Share of columns for a tree.", "[0.5, 1]", library_default="1"
    ),
    continuous(
        "colsample_bylevel", SOME, "Of these, for a level.", "[0.1, 1]", library_default="1"
    ),
    continuous("colsample_bynode", SOME, "Of these, for a split.", "[0.1, 1]", library_default="1"),
    continuous(
        "lambda",
        NOT_NEGATIVE,
        "L2 regularisation.",
        "[0, 1000]",
        aliases=("reg_lambda",),
        library_default="1",
    ),
    continuous(
        "alpha",
        NOT_NEGATIVE,
        "L1 regularisation.",
        "[0, 1000]",
        aliases=("reg_alpha",),
        library_default="0",
    ),
    category(
        "tree_method",
        ("auto", "exact", "approx", "hist"),
        "How splits are found.",
        library_default="auto",
        hints={"gpu_hist": "xgboost has dropped it, set tree_method to hist and device to cuda"},
    ),
    category(
        "grow_policy",
        ("depthwise", "lossguide"),
        "Which leaf is split next.",
        library_default="depthwise",
    ),
    integer("max_bin", "[2, +inf)", "Bins of a column's histogram.", library_default="256"),
    integer("max_cached_hist_node", "[1, +inf)", "Histograms kept.", library_default="65536"),
    integer("num_parallel_tree", "[1, +inf)", "Trees of a round.", library_default="1"),
    free_text(
        "monotone_constraints",
        texts.monotone,
        "(1,0,-1)",
        "For each column: predictions may only rise with it (1), only fall (-1), or both (0).",
    ),
    free_text(
        "interaction_constraints",
        parsing.groups,
        "[[0,1],[2,3]]",
        "Columns, from 0, that may stand on one path of a tree.",
    ),
    free_text(
        "updater",
        texts.updaters,
        "updaters, with commas",
        "What grows and changes trees, or for gblinear its way of descent.",
        library_default="by tree_method",
    ),
    category(
        "process_type", ("default", "update"), "Only `default` works.", library_default="default"
    ),
    integer("refresh_leaf", SHARE, "1: updater refresh changes leaves too.", library_default="1"),
)

DART = (
    category(
        "sample_type", ("uniform", "weighted"), "How trees are dropped.", library_default="uniform"
    ),
    category("normalize_type", ("tree", "forest"), "Weight of a new tree.", library_default="tree"),
    continuous("rate_drop", SHARE, "Share of trees dropped.", library_default="0"),
    continuous("skip_drop", SHARE, "Chance to drop none.", library_default="0"),
    integer("one_drop", SHARE, "1: drop at least one.", library_default="0"),
)

LINEAR = (
    continuous("lambda_bias", SHARE, "L2 regularisation of the bias.", deprecated=NO_EFFECT),
    category(
        "feature_selector",
        ("cyclic", "shuffle", "random", "greedy", "thrifty"),
        "The order of columns.",
        library_default="cyclic",
    ),
    integer("top_k", NOT_NEGATIVE, "Columns that greedy and thrifty take.", library_default="0"),
)
