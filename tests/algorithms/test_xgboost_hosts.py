"""Several hosts train one model: each with its own rows, the leader alone with the artifacts."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score

from container_toolkit.algorithms.xgboost.model import load
from container_toolkit.algorithms.xgboost.predict import predict
from container_toolkit.content_types.batch import Batch
from tests.algorithms.host_processes import codes, machines
from tests.algorithms.xgboost_jobs import csv, of_csv, rounds
from tests.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.algorithms.host_processes import Host, Machines

# The program of one host: `train` of the declaration, as the runner calls it.
PROGRAM = """
import functools
from container_toolkit.algorithms import validation
from container_toolkit.algorithms.xgboost import ALGORITHM, train as module
from container_toolkit.contract.environment import TrainingEnvironment
from container_toolkit.contract.layout import Layout

module.joined = functools.partial(module.joined, addresses=addresses)
env = TrainingEnvironment.load(Layout(root={root!r}), {{}})
as_a_program(lambda: module.train(validation.job(ALGORITHM, env)))
"""
FILES, ROWS = 4, 200
EARLY = {
    "num_round": 40,
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "eta": 0.6,
    "early_stopping_rounds": 6,
    "nthread": 1,
}


@pytest.fixture
def two() -> Iterator[Machines]:
    yield from machines(2)


class Cluster:
    """A job on the hosts of `machines`, started as often as one likes."""

    def __init__(self, base: Path, made: Machines) -> None:
        self.base = base
        self.machines = made

    def prepare(self, channels: dict[str, list[str]], **hyperparameters: object) -> None:
        names = list(self.machines.addresses)
        for name in names:
            (self.base / name).mkdir()
            job = of_csv(Job(self.base / name), channels, **hyperparameters)
            job.config("resourceconfig", {"current_host": name, "hosts": names})
            (job.base / "checkpoints").mkdir()

    def start(self) -> list[Host]:
        return [
            self.machines.start(name, PROGRAM.format(root=str(self.base / name)))
            for name in self.machines.addresses
        ]

    def run(self) -> list[Host]:
        hosts = self.start()
        assert codes(hosts) == [0] * len(hosts), hosts
        return hosts

    def model(self, name: str = "algo-1") -> bytes | None:
        path = self.base / name / "model" / "xgboost-model"
        return path.read_bytes() if path.exists() else None

    def forget(self) -> None:
        """As in a new container: nothing is left but the checkpoints."""
        for name in self.machines.addresses:
            for path in (self.base / name / "model").iterdir():
                path.unlink()


@pytest.fixture
def cluster(tmp_path: Path, two: Machines) -> Cluster:
    return Cluster(tmp_path, two)


def numbers(seed: int, files: int = FILES) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(labels, features, the files that hold them)."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(files * ROWS, 5)).astype(np.float32)
    labels = features[:, 0] + features[:, 1] ** 2 + random.normal(size=len(features))
    labels = labels.astype(np.float32)
    parts = zip(np.split(labels, files), np.split(features, files), strict=True)
    return labels, features, [csv(*part) for part in parts]


def regression(files: int = FILES) -> dict[str, list[str]]:
    return {"train": numbers(1, files)[2], "validation": numbers(2, files)[2]}


def test_the_leader_alone_tells_and_saves(cluster: Cluster) -> None:
    cluster.prepare(regression(), **EARLY)
    leader, other = cluster.run()
    assert "800 rows of train, 800 rows of validation, 5 features, 2 host(s)" in leader.lines
    assert "train: 400 rows, 5 features" in leader.stderr
    assert "train: 400 rows, 5 features" in other.stderr
    assert rounds("\n".join(leader.lines))
    assert rounds("\n".join(other.lines)) == []
    assert cluster.model()
    assert cluster.model("algo-2") is None
    assert list((cluster.base / "algo-2" / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("killed", [0, 1], ids=["the leader", "the other"])
@pytest.mark.parametrize("how", [{}, {"tree_method": "approx"}], ids=["hist", "approx"])
def test_a_host_is_killed_and_the_model_is_the_same(
    cluster: Cluster, killed: int, how: dict[str, object]
) -> None:
    cluster.prepare(regression(), **EARLY, **how)
    leader, _ = cluster.run()
    whole, model = rounds("\n".join(leader.lines)), cluster.model()
    for name in ("algo-1", "algo-2"):
        for path in (cluster.base / name / "checkpoints").iterdir():
            path.unlink()
    cluster.forget()
    hosts = cluster.start()
    hosts[0].wait_for("[4]")
    hosts[killed].kill(signal.SIGKILL)
    ended = codes(hosts)
    if ended == [0, 0]:
        pytest.fail("the job was over before the signal came; make it longer")
    assert cluster.model() is None
    leader, _ = cluster.run()
    done = int(leader.wait_for("resumed after round").rsplit(" ", 1)[1]) + 1
    assert done >= 4
    assert rounds("\n".join(leader.lines)) == whole[done:]
    assert cluster.model() == model


def test_one_is_told_to_stop_and_all_do(cluster: Cluster) -> None:
    many = {**EARLY, "num_round": 2000, "eta": 0.01, "early_stopping_rounds": 2000}
    cluster.prepare(regression(), **many)
    hosts = cluster.start()
    hosts[0].wait_for("[3]")
    hosts[1].kill(signal.SIGTERM)
    assert codes(hosts) == [143, 143]
    last = len(rounds("\n".join(hosts[0].lines))) - 1
    checkpoints = cluster.base / "algo-1" / "checkpoints"
    assert (checkpoints / f"xgboost-checkpoint.{last}").exists()
    assert cluster.model() is None


def test_metrics_are_of_all_rows_with_shares_of_any_size(cluster: Cluster) -> None:
    """Three files on two hosts; on the second host none of validation's rows."""
    labels, features, files = numbers(1, 3)
    small = csv(labels[:7], features[:7])
    cluster.prepare({"train": files, "validation": [small]}, num_round=3, eval_metric="rmse,r2,mse")
    leader, _ = cluster.run()
    scores = dict(word.split(":") for word in rounds("\n".join(leader.lines))[-1].split("\t")[1:])
    model = load(str(cluster.base / "algo-1" / "model"))
    predicted = predict(model, Batch(features=features), ["score"])["score"]
    error = float(np.mean((predicted - labels) ** 2))
    assert float(scores["train-r2"]) == pytest.approx(r2_score(labels, predicted), abs=1e-5)
    assert float(scores["train-mse"]) == pytest.approx(error, abs=1e-5)
    assert float(scores["train-rmse"]) == pytest.approx(error**0.5, abs=1e-5)
    assert float(scores["validation-mse"]) == pytest.approx(
        float(np.mean((predicted[:7] - labels[:7]) ** 2)), abs=1e-5
    )


def test_f1_is_no_mean_over_hosts(cluster: Cluster) -> None:
    """The hosts' classes are so unlike that a mean of their scores would be far off."""
    labels, features, _ = numbers(1, 2)
    order = np.argsort(labels)
    labels, features = (labels[order] > 0.4).astype(np.float32), features[order]
    files = [csv(labels[:300], features[:300]), csv(labels[300:], features[300:])]
    cluster.prepare(
        {"train": files},
        num_round=2,
        eval_metric="f1,precision",
        objective="binary:logistic",
    )
    leader, _ = cluster.run()
    scores = dict(word.split(":") for word in rounds("\n".join(leader.lines))[-1].split("\t")[1:])
    model = load(str(cluster.base / "algo-1" / "model"))
    predicted = predict(model, Batch(features=features), ["predicted_label"])["predicted_label"]
    assert float(scores["train-f1"]) == pytest.approx(
        f1_score(labels, predicted, average="macro"), abs=1e-5
    )


def test_a_label_that_one_host_alone_can_see_is_told_by_all(cluster: Cluster) -> None:
    _, features, _ = numbers(1, 2)
    zeros = np.zeros(ROWS)
    files = [csv(zeros, features[:ROWS]), csv(zeros + 7, features[ROWS:])]
    cluster.prepare({"train": files}, num_round=3, objective="binary:logistic")
    hosts = cluster.start()
    assert codes(hosts) == [3, 1]
    assert "row 1 (of this host's) is 7, but label must be in [0,1]" in hosts[1].stderr
    assert "algo-2" in hosts[0].stderr
    assert cluster.model() is None


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"_kfold": 3}, "_kfold trains on one host"),
        ({"booster": "gblinear"}, "booster gblinear trains on one host"),
        ({"tree_method": "exact"}, "tree_method exact trains on one host"),
    ],
)
def test_what_one_host_alone_can_train_is_refused(
    cluster: Cluster, how: dict[str, object], said: str
) -> None:
    cluster.prepare(regression(), num_round=2, **how)
    hosts = cluster.start()
    assert codes(hosts) == [1, 1]
    assert said in hosts[0].stderr
