"""The scikit-learn image, held to fewer CPUs than its machine has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.frameworks.test_sklearn import PROBE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engines import Engine


def test_a_quota_of_cpus_is_what_joblib_and_blas_count(
    engine: Engine, sklearn: str, ml: Path
) -> None:
    (ml / "code/train.py").write_text(PROBE)
    (ml / "input/config/hyperparameters.json").write_text('{"sagemaker_program": "train.py"}')
    done = engine.run(sklearn, "train", options=("--cpus", "1", "-v", f"{ml}:/opt/ml"))
    assert done.status == 0, done
    seen = json.loads((ml / "output/seen.json").read_text())
    assert seen == {"cpus": 1, "all": 1, "blas": 1, "worker": 1, "openmp": 1}
