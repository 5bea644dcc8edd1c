"""The scikit-learn image: held to fewer CPUs than its machine has, and on hosts of their own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.containers.engines import ROOT
from tests.containers.hosts import WATCHED, Hosts
from tests.frameworks.test_sklearn import PROBE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engines import Engine

# Learns from its host's share of the rows; on algo-2 that is the last it does.
SHARE = """
import json, os
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

hosts, host = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
path = os.path.join(os.environ["SM_CHANNEL_TRAINING"], "iris.csv")
table = np.loadtxt(path, str, delimiter=",", skiprows=1)[hosts.index(host)::len(hosts)]
features, species = table[:, :-1].astype(float), table[:, -1]
accuracy = cross_val_score(RandomForestClassifier(20, random_state=0), features, species).mean()
print(f"rows={len(table)} accuracy={accuracy:.4f}", flush=True)
if host == "algo-2":
    raise ValueError("the data is spoiled")
"""

# A program whose worker processes are busy when it is stopped, or on algo-2 killed.
WORKERS = """
import os, signal, sys, threading, time
import joblib

def work(path):
    open(path, "w").close()
    time.sleep(600)

def spoil():
    while len(os.listdir("/tmp/busy")) < 2:
        time.sleep(0.05)
    print("busy", flush=True)
    if "--killed" in sys.argv and os.environ["SM_CURRENT_HOST"] == "algo-2":
        os.kill(os.getpid(), signal.SIGKILL)

os.mkdir("/tmp/busy")
threading.Thread(target=spoil).start()
joblib.Parallel(n_jobs=2)(joblib.delayed(work)(f"/tmp/busy/{n}") for n in range(2))
"""


def hosts(engine: Engine, image: str, folder: Path, program: str, **parameters: object) -> Hosts:
    ml = ROOT / "images/sklearn/ml"
    parameters["sagemaker_program"] = "program.py"
    return Hosts(engine, image, ml, folder, 2, parameters, command=WATCHED, program=program)


def test_a_quota_of_cpus_is_what_joblib_and_blas_count(
    engine: Engine, sklearn: str, ml: Path
) -> None:
    (ml / "code/train.py").write_text(PROBE)
    (ml / "input/config/hyperparameters.json").write_text('{"sagemaker_program": "train.py"}')
    done = engine.run(sklearn, "train", options=("--cpus", "1", "-v", f"{ml}:/opt/ml"))
    assert done.status == 0, done
    seen = json.loads((ml / "output/seen.json").read_text())
    assert seen == {"cpus": 1, "all": 1, "blas": 1, "worker": 1, "openmp": 1}


@pytest.mark.slow
def test_hosts_learn_and_fail_each_by_itself(engine: Engine, sklearn: str, tmp_path: Path) -> None:
    with hosts(engine, sklearn, tmp_path, SHARE) as job:
        assert job.start().wait() == [0, 1], [host.log for host in job.hosts.values()]
        found = [
            re.findall(r"^rows=(\d+) accuracy=(.*)$", host.log, re.M) for host in (job[1], job[2])
        ]
        assert job[1].failure == ""
        assert job[2].failure.startswith("ValueError: the data is spoiled")
    ((first,), (second,)) = found
    assert [int(rows) for rows, _ in (first, second)] == [75, 75]
    assert min(float(accuracy) for _, accuracy in (first, second)) > 0.9


@pytest.mark.slow
def test_a_stop_ends_worker_processes_too(engine: Engine, sklearn: str, tmp_path: Path) -> None:
    with hosts(engine, sklearn, tmp_path, WORKERS) as job:
        for host in job.start().hosts.values():
            host.wait_for("busy")
        job.stop()
        assert job.wait() == [143, 143], [host.log for host in job.hosts.values()]
        for host in job.hosts.values():
            assert host.failure.startswith("Stopped by SIGTERM: the program ended with ")
            assert host.left_behind == 0


@pytest.mark.slow
def test_a_killed_program_leaves_no_worker_processes(
    engine: Engine, sklearn: str, tmp_path: Path
) -> None:
    with hosts(engine, sklearn, tmp_path, WORKERS, killed=True) as job:
        assert job.start()[2].wait() == 137, job[2].log
        assert job[2].failure.startswith("killed by SIGKILL")
        assert job[2].left_behind == 0
