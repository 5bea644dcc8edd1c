"""xgboost without scikit-learn's import, and scikit-learn none the worse for it."""

from __future__ import annotations

import json
import subprocess
import sys


def told(program: str) -> list[bool]:
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{program}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[bool] = json.loads(done.stdout)
    return found


LOAD = "from container_toolkit.algorithms.xgboost import library\nxgboost = library.load()\n"


def test_the_first_import_leaves_scikit_learn_out() -> None:
    program = LOAD + (
        "before = any(name.split('.')[0] == 'sklearn' for name in sys.modules)\n"
        "from sklearn.model_selection import KFold\n"
        "print(json.dumps([before, KFold(2).get_n_splits() == 2, library.load() is xgboost]))"
    )
    assert told(program) == [False, True, True]


def test_what_was_there_before_stays() -> None:
    assert told(
        f"import sklearn\n{LOAD}print(json.dumps([hasattr(xgboost, 'XGBClassifier')]))"
    ) == [True]


def test_it_trains_and_predicts() -> None:
    program = LOAD + (
        "import numpy as np\n"
        "x = np.arange(200, dtype=np.float32).reshape(100, 2)\n"
        "data = xgboost.QuantileDMatrix(x, label=x[:, 0])\n"
        "booster = xgboost.train({}, data, 20)\n"
        "print(json.dumps([bool(np.abs(booster.predict(data) - x[:, 0]).max() < 10)]))"
    )
    assert told(program) == [True]
