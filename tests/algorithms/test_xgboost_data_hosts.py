"""Two hosts make their matrices together, one of them without a row, whatever each has room for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from xgboost.tracker import RabitTracker

if TYPE_CHECKING:
    from pathlib import Path

HOST = """
import json, sys, warnings
import numpy as np
import xgboost
from container_toolkit.algorithms.xgboost.data import keep
from container_toolkit.algorithms.xgboost.matrix import matrix
from container_toolkit.algorithms.xgboost.memory import Budget
from container_toolkit.content_types.batch import Batch, Csr

warnings.simplefilter("ignore")  # xgboost tells the host without rows that it has none
rank, arguments, rows, memory, sparse, params, scratch = json.loads(sys.argv[1])
budget = Budget(bytes=memory)

def batches(seed):
    random = np.random.default_rng([seed, rank])
    for start in range(0, rows, 500):
        features = random.standard_normal((500, 5), dtype=np.float32)
        labels = (features[:, 0] > features[:, 1]).astype(np.float32)
        if sparse:
            features = Csr(indptr=np.arange(0, 2501, 5), values=features.reshape(-1),
                           indices=np.tile(np.arange(5, dtype=np.int32), 500), columns=5)
        yield Batch(features=features, labels=labels)

with xgboost.collective.CommunicatorContext(**arguments, dmlc_task_id=str(rank)):
    made = []
    for name in ("train", "validation"):
        kept = keep(name, batches(len(made)), budget, scratch)
        made.append(matrix(kept, params=params, columns=5, ref=made[0] if made else None,
                           budget=budget, scratch=scratch))
    scores = {}
    params = {"objective": "binary:logistic", "subsample": 0.7, **params}
    booster = xgboost.train(params, made[0], 5, verbose_eval=False, evals_result=scores,
                            evals=list(zip(made, ("train", "validation"))))
    print(json.dumps([booster.save_raw("json").decode(), scores["validation"]["logloss"]]))
"""
PLENTY, NOTHING = 1 << 60, 0


def together(
    scratch: Path, hosts: list[tuple[int, int, bool]], params: dict[str, Any]
) -> list[list[Any]]:
    """What each host prints, of hosts given as (rows, bytes of memory, sparse)."""
    tracker = RabitTracker(n_workers=len(hosts), host_ip="127.0.0.1", timeout=120)
    tracker.start()
    processes = []
    try:
        for rank, host in enumerate(hosts):
            given = json.dumps([rank, tracker.worker_args(), *host, params, str(scratch)])
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", HOST, given],
                    env=os.environ | {"OMP_NUM_THREADS": "1"},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        outputs = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors
    tracker.wait_for()
    return [json.loads(out.splitlines()[-1]) for out, _ in outputs]


@pytest.mark.parametrize(
    "hosts",
    [
        [(3000, PLENTY, False), (0, PLENTY, False)],
        [(0, PLENTY, False), (3000, PLENTY, False)],
        [(3000, NOTHING, False), (0, PLENTY, False)],
        [(0, NOTHING, False), (3000, NOTHING, True)],
        [(3000, NOTHING, False), (1500, PLENTY, False)],
    ],
    ids=["second empty", "leader empty", "disk", "sparse disk", "disk and memory"],
)
def test_two_hosts_one_model(tmp_path: Path, hosts: list[tuple[int, int, bool]]) -> None:
    first, second = together(tmp_path, hosts, {})
    assert_one_model(first, second)
    assert list(tmp_path.iterdir()) == []


def test_two_hosts_that_train_on_the_whole_values(tmp_path: Path) -> None:
    hosts = [(3000, NOTHING, False), (0, PLENTY, False)]
    first, second = together(tmp_path, hosts, {"tree_method": "approx"})
    assert_one_model(first, second)


def assert_one_model(first: list[Any], second: list[Any]) -> None:
    assert first == second
    assert first[1][-1] < first[1][0] < 0.69
