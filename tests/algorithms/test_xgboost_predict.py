"""Models loaded from a folder, and what they put out."""

from __future__ import annotations

import json
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost

from container_toolkit.algorithms.xgboost import ALGORITHM, model, outputs
from container_toolkit.algorithms.xgboost.predict import predict
from container_toolkit.content_types.batch import Batch, Csr
from container_toolkit.content_types.media_type import parse
from container_toolkit.errors import DataError, UserError
from tests.algorithms.small_trainings import COLUMNS, settings, train

if TYPE_CHECKING:
    from pathlib import Path

CSV = parse("text/csv", "the test")
FEATURES = np.random.default_rng(5).normal(size=(50, COLUMNS)).astype(np.float32)
FEATURES[FEATURES > 1.5] = np.nan


def saved(folder: Path, name: str = model.NAME, **hyperparameters: Any) -> xgboost.Booster:
    booster = train(settings(**{"num_round": 4, **hyperparameters})).boosted.booster
    model.save(booster, str(folder), name, CSV)
    return booster


def of(folder: Path, *wanted: str, features: Any = FEATURES) -> dict[str, np.ndarray]:
    return predict(model.load(str(folder)), Batch(features=features), wanted)


def sparse(features: np.ndarray, columns: int) -> Csr:
    present = ~np.isnan(features)
    rows, indices = np.nonzero(present)
    return Csr(
        indptr=np.searchsorted(rows, np.arange(len(features) + 1)).astype(np.int64),
        indices=indices.astype(np.int32),
        values=features[present],
        columns=columns,
    )


def test_every_output_is_declared() -> None:
    names = {name for each in outputs.BY_OBJECTIVE.values() for name in each}
    assert names | set(outputs.OF_NUMBERS) == set(ALGORITHM.outputs)


def test_of_two_classes(tmp_path: Path) -> None:
    booster = saved(tmp_path, objective="binary:logistic")
    given = of(tmp_path, *outputs.valid("binary:logistic"))
    likely = booster.predict(xgboost.DMatrix(FEATURES))
    margin = booster.predict(xgboost.DMatrix(FEATURES), output_margin=True)
    for name in ("score", "probability"):
        np.testing.assert_array_equal(given[name], likely)
    np.testing.assert_array_equal(given["predicted_label"], likely > 0.5)
    assert 0 < given["predicted_label"].sum() < len(FEATURES)
    np.testing.assert_array_equal(given["probabilities"], np.stack([1 - likely, likely], axis=1))
    np.testing.assert_array_equal(given["raw_score"], margin)
    np.testing.assert_array_equal(given["raw_scores"], np.stack([-margin, margin], axis=1))
    np.testing.assert_array_equal(given["labels"], [[0, 1]] * len(FEATURES))


@pytest.mark.parametrize("objective", ["binary:logitraw", "binary:hinge"])
def test_of_two_classes_without_probabilities(tmp_path: Path, objective: str) -> None:
    booster = saved(tmp_path, objective=objective)
    given = of(tmp_path, *outputs.valid(objective))
    margin = booster.predict(xgboost.DMatrix(FEATURES), output_margin=True)
    np.testing.assert_array_equal(given["predicted_label"], margin > 0)
    np.testing.assert_array_equal(given["raw_score"], margin)
    with pytest.raises(DataError, match=f"{objective} has no output 'probability'; it has"):
        of(tmp_path, "probability")


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_of_many_classes(tmp_path: Path, objective: str) -> None:
    booster = saved(tmp_path, objective=objective, num_class=3)
    given = of(tmp_path, *outputs.valid(objective))
    margins = booster.predict(xgboost.DMatrix(FEATURES), output_margin=True)
    best = margins.argmax(axis=1)
    np.testing.assert_array_equal(given["predicted_label"], best)
    assert len(set(best)) == 3
    np.testing.assert_array_equal(given["raw_scores"], margins)
    np.testing.assert_array_equal(given["raw_score"], margins.max(axis=1))
    np.testing.assert_array_equal(given["labels"], [[0, 1, 2]] * len(FEATURES))
    score = booster.predict(xgboost.DMatrix(FEATURES))
    np.testing.assert_array_equal(given["score"], score)
    if objective == "multi:softprob":
        np.testing.assert_array_equal(given["probabilities"], score)
        np.testing.assert_array_equal(given["probability"], score.max(axis=1))


@pytest.mark.parametrize("objective", ["reg:squarederror", "rank:ndcg", "survival:aft"])
def test_of_numbers(tmp_path: Path, objective: str) -> None:
    booster = saved(tmp_path, objective=objective)
    given = of(tmp_path, "predicted_score", "score")
    expected = booster.predict(xgboost.DMatrix(FEATURES))
    np.testing.assert_array_equal(given["score"], expected)
    np.testing.assert_array_equal(given["predicted_score"], expected)
    for name in ("predicted_label", "probability", "nonsense"):
        with pytest.raises(DataError, match="predicted_score, score"):
            of(tmp_path, name)


def test_nothing_wanted_is_the_score(tmp_path: Path) -> None:
    saved(tmp_path)
    assert list(of(tmp_path)) == ["score"]


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_every_booster_predicts(tmp_path: Path, booster: str) -> None:
    made = saved(tmp_path, booster=booster)
    expected = made.predict(xgboost.DMatrix(FEATURES))
    np.testing.assert_allclose(of(tmp_path)["score"], expected, rtol=1e-6)
    if booster != "gblinear":  # for which what is missing is not what is absent
        wide = sparse(FEATURES, COLUMNS)
        np.testing.assert_allclose(of(tmp_path, features=wide)["score"], expected, rtol=1e-6)


def test_one_row_has_its_shape(tmp_path: Path) -> None:
    saved(tmp_path, objective="multi:softprob", num_class=3)
    one = of(tmp_path, "score", "predicted_label", "labels", features=FEATURES[:1])
    assert one["score"].shape == (1, 3)
    assert one["predicted_label"].shape == (1,)
    assert one["labels"].shape == (1, 3)


def test_sparse_rows_that_end_early_have_nothing_in_the_rest(tmp_path: Path) -> None:
    saved(tmp_path)
    short = FEATURES.copy()
    short[:, 4:] = np.nan
    np.testing.assert_array_equal(
        of(tmp_path, features=sparse(short, 4))["score"], of(tmp_path, features=short)["score"]
    )


def test_other_columns_than_the_model_has_are_told(tmp_path: Path) -> None:
    saved(tmp_path)
    for features in (FEATURES[:, :5], np.hstack([FEATURES, FEATURES[:, :1]])):
        with pytest.raises(DataError, match=rf"a row has {features.shape[1]} features.* 6;"):
            of(tmp_path, features=features)
    with pytest.raises(DataError, match="a row has 7 features"):
        of(tmp_path, features=sparse(FEATURES, COLUMNS + 1))


def test_folds_are_averaged_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    boosters = [
        saved(tmp_path, f"{model.NAME}-{seed}", seed=seed, subsample=0.5) for seed in (0, 2, 10)
    ]
    (tmp_path / ".hidden").write_bytes(b"no model")
    (tmp_path / "notes.txt").write_bytes(b"no model")
    loaded = model.load(str(tmp_path))
    assert [bytes(one.save_raw("ubj")) for one in loaded.boosters] == [
        bytes(one.save_raw("ubj")) for one in boosters
    ]
    each = [one.predict(xgboost.DMatrix(FEATURES)) for one in boosters]
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(of(tmp_path)["score"], np.mean(each, axis=0), rtol=1e-6)


def test_folds_that_put_out_labels_vote(tmp_path: Path) -> None:
    how: dict[str, Any] = {"objective": "multi:softmax", "num_class": 3, "subsample": 0.3}
    each = [
        saved(tmp_path, f"{model.NAME}-{seed}", seed=seed, num_round=1, **how).predict(
            xgboost.DMatrix(FEATURES)
        )
        for seed in range(3)
    ]
    expected = [np.bincount(np.array(votes, int)).argmax() for votes in zip(*each, strict=True)]
    np.testing.assert_array_equal(of(tmp_path)["score"], expected)
    assert not np.array_equal(each[0], expected)


def test_models_of_different_objectives_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, "xgboost-model-0")
    saved(tmp_path, "xgboost-model-1", objective="binary:logistic")
    with pytest.raises(UserError, match="don't go together"):
        model.load(str(tmp_path))


class Opener:
    """Unpickling it makes a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_opened(tmp_path: Path, protocol: int) -> None:
    opened = tmp_path / "opened"
    (tmp_path / model.NAME).write_bytes(pickle.dumps(Opener(str(opened)), protocol))
    with pytest.raises(UserError, match="is a pickle, which could run any program"):
        model.load(str(tmp_path))
    assert not opened.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"binf\0\0\0", b'{"learner": 1}', b"{L\0"])
def test_what_is_no_model_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / model.NAME).write_bytes(content)
    with pytest.raises(UserError, match="xgboost-model is no"):
        model.load(str(tmp_path))


def test_half_a_model_is_told(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / model.NAME
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="no whole xgboost model"):
        model.load(str(tmp_path))


def test_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no model"):
        model.load(str(tmp_path))
    with pytest.raises(UserError, match="No such file"):
        model.load(str(tmp_path / "nowhere"))


def test_a_model_by_another_name_or_in_json_is_found(tmp_path: Path) -> None:
    booster = train(settings(num_round=2)).boosted.booster
    booster.save_model(tmp_path / "mine.json")
    expected = booster.predict(xgboost.DMatrix(FEATURES))
    np.testing.assert_array_equal(of(tmp_path)["score"], expected)


def test_a_model_that_was_not_cut_is_used_up_to_its_best_round(tmp_path: Path) -> None:
    booster = train(settings(num_round=6)).boosted.booster
    booster.set_attr(best_iteration="2")
    booster.save_model(tmp_path / "xgboost-model.ubj")
    expected = booster.predict(xgboost.DMatrix(FEATURES), iteration_range=(0, 3))
    np.testing.assert_array_equal(of(tmp_path)["score"], expected)
    assert not np.array_equal(expected, booster.predict(xgboost.DMatrix(FEATURES)))


def test_the_artifact_says_how_its_data_was_written(tmp_path: Path) -> None:
    booster = train(settings()).boosted.booster
    media = parse("text/libsvm; indexing=1", "the test")
    model.save(booster, str(tmp_path), model.NAME, media)
    loaded = model.load(str(tmp_path))
    assert loaded.content_type == "text/libsvm; indexing=1"
    assert (loaded.objective, loaded.columns) == ("reg:squarederror", COLUMNS)
    assert [path.name for path in tmp_path.iterdir()] == [model.NAME]
    assert (tmp_path / model.NAME).read_bytes()[:2] == b"{L"


def test_json_is_told_from_text_that_only_begins_like_it() -> None:
    assert model.is_json(json.dumps({"a": 1}).encode())
    assert not model.is_json(b"[" * 100_000)
