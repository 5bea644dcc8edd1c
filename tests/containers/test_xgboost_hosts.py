"""XGBoost on two hosts, each a container, and one of them killed again and again.

Whichever host dies and whenever, the other ends by itself and names it; both started again on the
same volumes go on, and the model is the one of a run that nothing happened to, byte for byte.
"""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.containers.engines import HANG, Container, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTS = ("algo-1", "algo-2")
ROUNDS = 400  # early stopping ends it after some 240
HYPERPARAMETERS = {
    "num_round": str(ROUNDS),
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "eta": "0.05",
    "max_depth": "6",
    "subsample": "0.7",
    "colsample_bytree": "0.8",
    "early_stopping_rounds": "30",
    "seed": "7",
}
CHANNEL = {
    "TrainingInputMode": "File",
    "S3DistributionType": "ShardedByS3Key",
    "RecordWrapperType": "None",
    "ContentType": "text/csv",
}
# Rows a host, which tells them apart in the log.
ROWS = {"train": (40_000, 30_000), "validation": (10_000, 8_000)}
KILLED = 137

# Put in front of the program's own start: the checkpoint of one round is slow to reach the disk.
SLOW_DISK = """
import os, time
real = os.fsync
def fsync(descriptor):
    if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".{round}.sagemaker-ignore"):
        time.sleep(120)
    real(descriptor)
os.fsync = fsync
"""


@dataclass
class Job:
    """Two hosts of one job, their volumes under `folder`."""

    engine: Engine
    image: str
    network: str
    folder: Path
    started: list[Container] = field(default_factory=list)

    def prepare(self) -> Job:
        for rank, name in enumerate(HOSTS):
            config = self.volume(name) / "input/config"
            for folder in (config, self.volume(name) / "checkpoints"):
                folder.mkdir(parents=True)
            documents = {
                "hyperparameters": HYPERPARAMETERS,
                "inputdataconfig": dict.fromkeys(ROWS, CHANNEL),
                "resourceconfig": {
                    "current_host": name,
                    "hosts": list(HOSTS),
                    "network_interface_name": "eth0",
                },
                "checkpointconfig": {"LocalPath": "/opt/ml/checkpoints"},
            }
            for document, content in documents.items():
                (config / f"{document}.json").write_text(json.dumps(content))
            for channel, rows in ROWS.items():
                shard = self.volume(name) / "input/data" / channel
                shard.mkdir(parents=True)
                write_rows(shard / f"part-{rank}.csv", rows[rank], seed=rank + len(channel))
        return self

    def volume(self, name: str) -> Path:
        return self.folder / name

    def start(self, *options: str) -> dict[str, Container]:
        """Both hosts; the names they had go to these."""
        self.remove()
        hosts = {}
        for name in HOSTS:
            hosts[name] = self.engine.start(
                self.image,
                options=(
                    *("--network", self.network, "--network-alias", name, "--hostname", name),
                    *("-v", f"{self.volume(name)}:/opt/ml", "-e", "OMP_NUM_THREADS=1"),
                    *options,
                ),
            )
            self.started.append(hosts[name])
        return hosts

    def remove(self) -> None:
        while self.started:
            self.started.pop().remove()

    def finish(self) -> bytes:
        """Run to the end; the model, which only the leader has."""
        hosts = self.start()
        logs = {name: (host.wait(), host.logs()) for name, host in hosts.items()}
        assert {status for status, _ in logs.values()} == {0}, logs
        assert not list((self.volume("algo-2") / "model").glob("*"))
        return (self.volume("algo-1") / "model/xgboost-model").read_bytes()

    def rounds_kept(self) -> int:
        """As many as the newest checkpoint holds."""
        names = (path.name for path in (self.volume("algo-1") / "checkpoints").iterdir())
        found = [re.fullmatch(r"xgboost-checkpoint\.(\d+)", name) for name in names]
        return max((int(match[1]) + 1 for match in found if match), default=0)

    def wait_for(self, moment: str, seen: object) -> None:
        """Until `seen()` is true."""
        assert callable(seen)
        deadline = time.monotonic() + HANG
        while not seen():
            logs = [container.logs() for container in self.started]
            assert time.monotonic() < deadline, f"never {moment}: {logs}"
            time.sleep(0.02)


def write_rows(path: Path, rows: int, seed: int) -> None:
    """A label that ten columns tell a little about."""
    numbers = np.random.default_rng(seed)
    features = numbers.standard_normal((rows, 10)).astype(np.float32)
    signal = features[:, 0] + features[:, 1] * features[:, 2] + 2 * numbers.standard_normal(rows)
    np.savetxt(path, np.column_stack([signal > 0, features]), delimiter=",", fmt="%.5g")


@pytest.fixture(scope="module")
def network(engine: Engine) -> Iterator[str]:
    name = f"{engine.mark}-hosts"
    made = engine.call("network", "create", name)
    assert made.status == 0, made.stderr
    yield name
    engine.call("network", "rm", name)


@pytest.fixture
def job(engine: Engine, xgboost: str, network: str, tmp_path: Path) -> Iterator[Job]:
    made = Job(engine, xgboost, network, tmp_path / "killed").prepare()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def undisturbed(
    engine: Engine, xgboost: str, network: str, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The model of a run that nothing happens to."""
    job = Job(engine, xgboost, network, tmp_path_factory.mktemp("undisturbed")).prepare()
    try:
        model = job.finish()
        logs = {name: host.logs() for name, host in zip(HOSTS, job.started, strict=True)}
        assert job.rounds_kept() < ROUNDS, "early stopping is part of this, and did not happen"
        for rank, name in enumerate(HOSTS):
            for channel, rows in ROWS.items():
                said = logs[name].stdout + logs[name].stderr
                assert re.search(rf"\b{channel}: {rows[rank]} rows\b", said), (channel, logs)
        return model
    finally:
        job.remove()


def kill(job: Job, victim: str, hosts: dict[str, Container]) -> None:
    """Like a machine that goes away; the other host ends by itself, and says why."""
    hosts[victim].signal("KILL")
    assert hosts[victim].wait() == KILLED, hosts[victim].logs()
    (other,) = set(HOSTS) - {victim}
    assert hosts[other].wait() == 3, hosts[other].logs()
    assert f"PlatformError: host {victim} was lost" in hosts[other].logs().stderr
    failure = (job.volume(other) / "output/failure").read_text()
    assert failure.startswith(f"PlatformError: host {victim} was lost"), failure


def kill_after(job: Job, victim: str, rounds: int) -> None:
    hosts = job.start()
    job.wait_for(f"{rounds} rounds", lambda: job.rounds_kept() >= rounds)
    kill(job, victim, hosts)


def kill_in_checkpoint(job: Job, victim: str, rounds: int) -> None:
    """While the checkpoint of that round is being written: it is there under its early name."""
    slow = job.folder / "slow"
    slow.mkdir(exist_ok=True)
    (slow / "sitecustomize.py").write_text(SLOW_DISK.replace("{round}", str(rounds)))
    hosts = job.start("-v", f"{slow}:/slow", "-e", "PYTHONPATH=/slow")
    partial = job.volume("algo-1") / f"checkpoints/xgboost-checkpoint.{rounds}.sagemaker-ignore"
    job.wait_for(f"checkpoint {rounds}", partial.exists)
    kill(job, victim, hosts)
    assert partial.exists()
    assert job.rounds_kept() == rounds


def test_the_leader_killed_once(job: Job, undisturbed: bytes) -> None:
    kill_after(job, "algo-1", 40)
    assert job.finish() == undisturbed


@pytest.mark.slow
def test_hosts_cut_off_from_each_other(job: Job) -> None:
    """No connection is closed, as when a machine loses power: within a minute both know."""
    hosts = job.start()
    job.wait_for("5 rounds", lambda: job.rounds_kept() >= 5)
    cut = job.engine.call("network", "disconnect", job.network, hosts["algo-2"].name)
    assert cut.status == 0, cut.stderr
    for name, other in (HOSTS, HOSTS[::-1]):
        assert hosts[name].wait() == 3, hosts[name].logs()
        assert f"PlatformError: host {other} was lost" in hosts[name].logs().stderr


@pytest.mark.slow
@pytest.mark.parametrize("in_checkpoint", HOSTS)
def test_five_kills_of_either_host(job: Job, undisturbed: bytes, in_checkpoint: str) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    moments = random.Random(seed)
    writing = moments.randrange(5)
    for number in range(5):
        after = job.rounds_kept() + moments.randint(1, 25)
        if number == writing:
            print("kill", in_checkpoint, "in checkpoint", after)
            kill_in_checkpoint(job, in_checkpoint, after)
        else:
            victim = moments.choice(HOSTS)
            print("kill", victim, "after", after, "rounds")
            kill_after(job, victim, after)
    assert job.finish() == undisturbed
