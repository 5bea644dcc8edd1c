"""The examples run as they stand, through the real `train`, and reach what they state."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_demo_trains_a_real_model_on_real_data(tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", str(EXAMPLES / "demo.sh"), str(tmp_path / "demo")],
        cwd=EXAMPLES.parent,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"^validation:accuracy=([\d.]+);$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    assert float(found[1]) > 0.95
    with tarfile.open(tmp_path / "demo/model/model.tar.gz") as archive:
        assert sorted(archive.getnames()) == ["metrics.json", "model.pkl"]
    assert (tmp_path / "demo/output/success").exists()
    areas = re.findall(r"^\[\d+\].*\tvalidation-auc:([\d.]+)", done.stdout, re.MULTILINE)
    assert max(map(float, areas)) > 0.98
    with tarfile.open(tmp_path / "demo/xgboost/model/model.tar.gz") as archive:
        assert archive.getnames() == ["xgboost-model"]
