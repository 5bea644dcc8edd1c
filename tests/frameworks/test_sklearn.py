"""scikit-learn: as many processes and threads as there are CPUs, neither more nor squared."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from container_toolkit.contract.environment import TrainingEnvironment
from container_toolkit.contract.layout import Layout
from container_toolkit.contract.program import SCRIPT, Program
from container_toolkit.frameworks import get, plain
from container_toolkit.machine import Machine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs import Job

LIMITS = ("LOKY_MAX_CPU_COUNT", "GOTO_NUM_THREADS", "OMP_THREAD_LIMIT")


def variables(tmp_path: Path, cpus: int, **given: str) -> dict[str, str]:
    machine = Machine(cpus=cpus, gpus=0, neurons=0, memory=0, memory_limit=None)
    env = TrainingEnvironment.load(Layout(root=str(tmp_path)), {}, machine)
    program = Program(kind=SCRIPT, name="train.py", source="", argv=("python", "train.py"))
    (command,) = get("sklearn")(env, program, given)
    (plainly,) = plain.plan(env, program, given)
    assert command.argv == plainly.argv
    assert {name: command.env[name] for name in given} == given
    return {name: command.env[name] for name in LIMITS if name in command.env}


def test_counts_are_the_containers(tmp_path: Path) -> None:
    assert variables(tmp_path, 3, PATH="/bin") == dict.fromkeys(LIMITS, "3")


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("LOKY_MAX_CPU_COUNT", {"GOTO_NUM_THREADS", "OMP_THREAD_LIMIT"}),
        ("OMP_NUM_THREADS", {"LOKY_MAX_CPU_COUNT"}),
        ("OPENBLAS_NUM_THREADS", {"LOKY_MAX_CPU_COUNT", "OMP_THREAD_LIMIT"}),
        ("MKL_NUM_THREADS", set(LIMITS)),
    ],
)
def test_what_the_user_set_is_left_alone(tmp_path: Path, given: str, ours: set[str]) -> None:
    found = variables(tmp_path, 3, **{given: "8"})
    assert {name for name, value in found.items() if value == "3"} == ours


PROBE = """
import json, os, sys
import joblib, numpy, sklearn.utils._openmp_helpers
from threadpoolctl import threadpool_info

def blas():
    import numpy, scipy.linalg
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

workers = joblib.Parallel(n_jobs=2)(joblib.delayed(blas)() for _ in range(2))
seen = {
    "cpus": joblib.cpu_count(),
    "all": joblib.effective_n_jobs(-1),
    "blas": max(blas()),
    "worker": max(map(max, workers)),
    "openmp": sklearn.utils._openmp_helpers._openmp_effective_n_threads(),
}
with open(os.path.join(os.environ["SM_OUTPUT_DIR"], "seen.json"), "w") as out:
    json.dump(seen, out)
"""


@pytest.mark.parametrize("cpus", [1, len(os.sched_getaffinity(0))])
def test_a_program_and_its_workers_share_the_cpus(job: Job, cpus: int) -> None:
    usable = sorted(os.sched_getaffinity(0))
    job.program(PROBE).env(CONTAINER_TOOLKIT_FRAMEWORK="sklearn")
    process = job.start(preexec_fn=lambda: os.sched_setaffinity(0, usable[:cpus]))
    with process:
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr.decode()
    seen = json.loads((job.base / "output/seen.json").read_text())
    assert 1 <= seen.pop("openmp") <= cpus, "scikit-learn counts cores, not hyper-threads"
    assert seen == {"cpus": cpus, "all": cpus, "blas": cpus, "worker": max(1, cpus // 2)}
