"""Training ends when validation has not improved for so many rounds; the best round is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from container_toolkit.algorithms.xgboost.early_stopping import Best, EarlyStopping
from tests.algorithms.small_trainings import data, settings, train

HASTY = {"eta": 1.0, "num_round": 30, "early_stopping_rounds": 3}


def told(line: str, name: str) -> float:
    return float(dict(word.split(":") for word in line.split("\t")[1:])[name])


@pytest.mark.parametrize(("metric", "best_of"), [("rmse", np.argmin), ("r2", np.argmax)])
@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_the_model_is_that_of_the_best_round(metric: str, best_of: object, booster: str) -> None:
    more = {"updater": ("coord_descent",)} if booster == "gblinear" else {}
    if booster == "dart":
        more = {"rate_drop": 0.5}
    chosen = settings(**HASTY, eval_metric=(metric,), booster=booster, **more)
    matrices = data(chosen)
    done = train(chosen, matrices=matrices)
    scores = [told(line, f"validation-{metric}") for line in done.rounds]
    best = int(best_of(scores))  # type: ignore[operator]
    assert len(scores) == best + 1 + 3
    model = done.boosted.booster
    assert model.attr("best_iteration") == str(best)
    assert float(model.attr("best_score") or "") == pytest.approx(scores[best], abs=1e-5)
    assert matrices.validation is not None
    errors = (model.predict(matrices.validation) - matrices.validation.get_label()) ** 2
    if metric == "rmse":
        assert float(errors.mean()) ** 0.5 == pytest.approx(scores[best], abs=1e-4)
    if booster != "gblinear":
        assert model.num_boosted_rounds() == best + 1
    assert done.lines[-1] == (
        f"stopped early at round {best + 3}: validation-{metric} has not improved for 3 rounds"
    )


def test_without_a_validation_channel_all_rounds_are_boosted() -> None:
    chosen = settings(**{**HASTY, "num_round": 12})
    done = train(chosen, matrices=data(chosen, validation=False))
    assert len(done.rounds) == 12
    assert done.boosted.booster.attr("best_iteration") is None


def test_no_patience_is_no_early_stopping() -> None:
    done = train(settings(eta=1.0, num_round=20))
    assert len(done.rounds) == 20
    assert done.boosted.booster.num_boosted_rounds() == 20


def test_a_tie_is_no_improvement_and_any_number_beats_none() -> None:
    early = EarlyStopping(patience=2)
    assert early.improves(math.nan, Best())
    assert early.improves(0.5, Best(iteration=0))
    assert not early.improves(math.nan, Best(iteration=0, score=0.5))
    assert not early.improves(0.5, Best(iteration=0, score=0.5))
    assert early.improves(0.4, Best(iteration=0, score=0.5))
    assert not EarlyStopping(patience=2, maximize=True).improves(0.4, Best(iteration=0, score=0.5))
    assert not early.is_over(4, Best(iteration=3))
    assert early.is_over(5, Best(iteration=3))
    assert not EarlyStopping(patience=0).is_over(99, Best(iteration=3))
