"""The matrices xgboost trains on: the same model whatever memory there is."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost

from container_toolkit.algorithms.xgboost import blocks
from container_toolkit.algorithms.xgboost.data import Rows, keep
from container_toolkit.algorithms.xgboost.matrix import matrix
from container_toolkit.algorithms.xgboost.memory import Budget
from container_toolkit.algorithms.xgboost.plan import plan
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.errors import DataError, PlatformError

if TYPE_CHECKING:
    from pathlib import Path

PLENTY, NOTHING = Budget(bytes=1 << 60), Budget(bytes=0)
ROWS, COLUMNS = 3000, 6


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 16 << 10)


def table(missing: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = random.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    noise = random.standard_normal(ROWS, dtype=np.float32)
    labels = (features[:, 0] + features[:, 1] * features[:, 2] + noise > 0).astype(np.float32)
    features[random.random(features.shape) < missing] = np.nan
    return features, labels


def csr(features: np.ndarray) -> Csr:
    there = ~np.isnan(features)
    return Csr(
        indptr=np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64),
        indices=np.nonzero(there)[1].astype(np.int32),
        values=features[there],
        columns=features.shape[1],
    )


def rows_of(
    features: np.ndarray, labels: np.ndarray, budget: Budget, scratch: Path, **more: Any
) -> Rows:
    sparse = more.pop("sparse", False)
    parts = [slice(start, start + 100) for start in range(0, len(labels), 100)]
    return keep(
        "train",
        (
            Batch(
                features=csr(features[part]) if sparse else features[part],
                labels=labels[part],
                **{name: values[part] for name, values in more.items()},
            )
            for part in parts
        ),
        budget,
        str(scratch),
    )


def made(rows: Rows, budget: Budget, scratch: Path, **params: Any) -> xgboost.DMatrix:
    given = {"nthread": 1, **params}
    return matrix(
        rows, params=given, columns=COLUMNS, ref=None, budget=budget, scratch=str(scratch)
    )


def model(data: xgboost.DMatrix, **params: Any) -> bytes:
    return bytes(xgboost.train({"verbosity": 0, "nthread": 1, **params}, data, 8).save_raw())


APPROX = {"tree_method": "approx"}
METHODS: list[dict[str, Any]] = [
    {"tree_method": "hist"},
    {"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 10},
    {"tree_method": "hist", "max_bin": 37, "subsample": 0.7, "colsample_bytree": 0.7},
    {"booster": "dart", "rate_drop": 0.3},
    {"objective": "reg:absoluteerror"},
    {"monotone_constraints": "(1,0,0,-1,0,0)"},
]


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("kind", ["dense", "missing", "sparse"])
def test_memory_or_disk_the_model_is_the_same(
    tmp_path: Path, method: dict[str, Any], kind: str
) -> None:
    params = {"objective": "binary:logistic", **method}
    features, labels = table(missing=0.0 if kind == "dense" else 0.3)
    models = []
    for budget in (PLENTY, NOTHING):
        rows = rows_of(features, labels, budget, tmp_path, sparse=kind == "sparse")
        data = made(rows, budget, tmp_path, **params)
        assert data.num_row() == ROWS
        assert data.num_nonmissing() == np.count_nonzero(~np.isnan(features))
        assert bool(list(tmp_path.iterdir())) == (budget is NOTHING)
        models.append(model(data, **params))
        del data
        gc.collect()
    assert models[0] == models[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_approx_on_disk_is_as_good_but_another_model(tmp_path: Path, sparse: bool) -> None:
    # xgboost sorts whole columns for its sketch where it has them, and merges pages where not.
    params = {"objective": "binary:logistic", **APPROX}
    features, labels = table(missing=0.3)
    losses = []
    for budget in (PLENTY, NOTHING):
        rows = rows_of(features, labels, budget, tmp_path, sparse=sparse)
        data = made(rows, budget, tmp_path, **params)
        scores: dict[str, Any] = {}
        evals = [(data, "train")]
        xgboost.train(params, data, 8, evals=evals, evals_result=scores, verbose_eval=False)
        losses.append(scores["train"]["logloss"][-1])
    assert abs(losses[0] - losses[1]) < 0.01


@pytest.mark.parametrize("method", [*METHODS, APPROX], ids=str)
def test_it_is_the_model_of_all_rows_at_once(tmp_path: Path, method: dict[str, Any]) -> None:
    params = {"objective": "binary:logistic", **method}
    features, labels = table(missing=0.2)
    rows = rows_of(features, labels, PLENTY, tmp_path)
    found = model(made(rows, PLENTY, tmp_path, **params), **params)
    assert found == model(xgboost.DMatrix(features, label=labels), **params)


@pytest.mark.parametrize(
    "params",
    [{"tree_method": "exact"}, {"booster": "gblinear", "updater": "coord_descent"}],
    ids=str,
)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_what_takes_only_memory_gets_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], params: dict[str, Any], sparse: bool
) -> None:
    features, labels = table(missing=0.2)
    rows = rows_of(features, labels, NOTHING, tmp_path, sparse=sparse)
    found = model(made(rows, NOTHING, tmp_path, **params), **params)
    assert found == model(xgboost.DMatrix(features, label=labels), **params)
    assert "more than there is" in capfd.readouterr().err


def test_the_log_says_what_is_trained_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    features, labels = table()
    made(rows_of(features, labels, PLENTY, tmp_path), PLENTY, tmp_path)
    line = capfd.readouterr().err
    assert line.startswith("train: 3000 rows, 6 features, ")
    assert line.endswith(" quantised in memory\n")


def test_a_selection_is_a_matrix_of_its_rows(tmp_path: Path) -> None:
    features, labels = table()
    wanted = np.random.default_rng(5).random(ROWS) < 0.6
    expected = model(xgboost.QuantileDMatrix(features[wanted], label=labels[wanted]))
    for budget in (PLENTY, NOTHING):
        rows = rows_of(features, labels, budget, tmp_path).select(wanted)
        assert model(made(rows, budget, tmp_path)) == expected


@pytest.mark.parametrize("budget", [PLENTY, NOTHING], ids=["memory", "disk"])
def test_validation_has_the_quantiles_of_training(tmp_path: Path, budget: Budget) -> None:
    train = made(rows_of(*table(), budget, tmp_path), budget, tmp_path)
    other, labels = table(seed=1)
    validation = matrix(
        rows_of(other * 3, labels, budget, tmp_path),
        params={},
        columns=COLUMNS,
        ref=train,
        budget=budget,
        scratch=str(tmp_path),
    )
    booster = xgboost.train({"objective": "binary:logistic"}, train, 5)
    plain = booster.predict(xgboost.DMatrix(other * 3))
    np.testing.assert_array_equal(booster.predict(validation), plain)


def test_weights_weigh_in_quantiles_and_training(tmp_path: Path) -> None:
    features, labels = table()
    weights = np.random.default_rng(2).random(ROWS, dtype=np.float32) * 9
    expected = model(xgboost.QuantileDMatrix(features, label=labels, weight=weights))
    assert expected != model(xgboost.QuantileDMatrix(features, label=labels))
    for budget in (PLENTY, NOTHING):
        rows = rows_of(features, labels, budget, tmp_path, weights=weights)
        assert model(made(rows, budget, tmp_path)) == expected


# A group of 30 rows lies across the blocks and batches; the ids are in no order.
GROUPS = np.repeat(np.random.default_rng(4).permutation(ROWS // 30), 30).astype(np.int64)
RANK = {"objective": "rank:ndcg", "eval_metric": "ndcg"}


def test_groups_may_lie_in_two_batches(tmp_path: Path) -> None:
    features, labels = table()
    sizes = [30] * (ROWS // 30)
    expected = model(xgboost.QuantileDMatrix(features, label=labels, group=sizes), **RANK)
    for budget in (PLENTY, NOTHING):
        rows = rows_of(features, labels, budget, tmp_path, groups=GROUPS)
        data = made(rows, budget, tmp_path, **RANK)
        assert data.get_group().tolist() == sizes
        assert model(data, **RANK) == expected


def unweighted(rows: Rows) -> Rows:
    return keep(
        "train",
        (Batch(features=b.features, labels=b.labels, groups=b.groups) for b in rows.batches()),
        PLENTY,
        "/tmp",
    )


def test_weights_of_groups(tmp_path: Path) -> None:
    features, labels = table()
    of_groups = np.random.default_rng(2).random(ROWS // 30, dtype=np.float32) * 9
    weights = np.repeat(of_groups, 30)
    rows = rows_of(features, labels, PLENTY, tmp_path, groups=GROUPS, weights=weights)
    data = made(rows, PLENTY, tmp_path, **RANK)
    assert data.get_weight().tolist() == of_groups.tolist()
    # Given groups while it finds quantiles, xgboost 3.2 lends the first row of each group the
    # weight of the one before; with weights by row it does not.
    plain = xgboost.QuantileDMatrix(features, label=labels, weight=weights)
    assert data.get_quantile_cut()[1].tolist() == plain.get_quantile_cut()[1].tolist()
    assert model(data, **RANK) != model(made(unweighted(rows), PLENTY, tmp_path, **RANK), **RANK)
    # What is not ranking weighs single rows, and has no use for groups then.
    assert model(made(rows, PLENTY, tmp_path)) == model(plain)


def test_weights_that_differ_within_a_group(tmp_path: Path) -> None:
    weights = np.ones(ROWS, np.float32)
    weights[65] = 2
    rows = rows_of(*table(), PLENTY, tmp_path, groups=GROUPS, weights=weights)
    with pytest.raises(DataError, match=rf"'train'.*query id {GROUPS[65]} have different weights"):
        made(rows, PLENTY, tmp_path, **RANK)


def test_a_group_that_comes_twice(tmp_path: Path) -> None:
    groups = GROUPS.copy()
    groups[-30:] = groups[0]
    rows = rows_of(*table(), PLENTY, tmp_path, groups=groups)
    with pytest.raises(DataError, match=rf"'train'.*query id {groups[0]} don't lie together"):
        made(rows, PLENTY, tmp_path, **RANK)


def test_labels_of_several_columns(tmp_path: Path) -> None:
    features, labels = table()
    both = np.stack([labels, 1 - labels], axis=1)
    data = made(rows_of(features, both, PLENTY, tmp_path), PLENTY, tmp_path)
    assert model(data) == model(xgboost.QuantileDMatrix(features, label=both))


@pytest.mark.parametrize("params", [{}, {"tree_method": "approx"}], ids=str)
def test_a_host_without_rows_has_an_empty_matrix(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], params: dict[str, Any]
) -> None:
    data = made(keep("train", [], PLENTY, str(tmp_path)), PLENTY, tmp_path, **params)
    assert (data.num_row(), data.num_col()) == (0, COLUMNS)
    assert capfd.readouterr().err.startswith("train: no rows here")


def test_sparse_rows_are_padded_to_the_widest_host(tmp_path: Path) -> None:
    features, labels = table(missing=0.5)
    rows = rows_of(features[:, :4], labels, PLENTY, tmp_path, sparse=True)
    assert made(rows, PLENTY, tmp_path).num_col() == COLUMNS


@pytest.mark.parametrize(("columns", "sparse"), [(4, False), (8, False), (8, True)])
def test_hosts_whose_rows_do_not_go_together(tmp_path: Path, columns: int, sparse: bool) -> None:
    features, labels = table()
    features = np.concatenate([features, features], axis=1)[:, :columns]
    rows = rows_of(features, labels, PLENTY, tmp_path, sparse=sparse)
    with pytest.raises(DataError, match=rf"'train' has {columns} features .* 6 on another"):
        made(rows, PLENTY, tmp_path)


def test_pages_need_a_folder(tmp_path: Path) -> None:
    rows = rows_of(*table(), NOTHING, tmp_path)
    with pytest.raises(PlatformError, match="gone"):
        made(rows, NOTHING, tmp_path / "gone")


def test_pages_need_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(*table(), NOTHING, tmp_path)
    found = os.statvfs(tmp_path)
    # No small disk can be mounted here, so what the kernel tells of this one is made small.
    small = type("Small", (), {"f_bavail": 1, "f_frsize": found.f_frsize})
    monkeypatch.setattr(os, "statvfs", lambda _: small)
    with pytest.raises(PlatformError, match=r"4 KiB of the 61 KiB are free.*TMPDIR"):
        made(rows, NOTHING, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", [{}, {"max_bin": 1000}, APPROX], ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_pages_take_what_was_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: dict[str, Any], missing: float
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 512 << 10)  # small pages have their overhead
    features, labels = (np.concatenate([part] * 20) for part in table(missing))
    rows = rows_of(features, labels, NOTHING, tmp_path)
    data = made(rows, NOTHING, tmp_path, **method)
    model(data, **method)
    (folder,) = tmp_path.iterdir()
    size = sum(file.stat().st_size for file in folder.iterdir())
    given = {"rows": ROWS * 20, "columns": COLUMNS, "cells": rows.cells, "held": 0, "left": 0}
    assert 0.5 < size / plan(**given, params=method).bytes < 1.3
