"""`train` with the built-in XGBoost on two hosts, each a process with a volume of its own."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.jobs import Ended, Job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANG = 120  # seconds after which a host counts as hung; nothing here measures time
SETTINGS = {
    "num_round": 12,
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "subsample": 0.7,
    "seed": 3,
}


class Hosts:
    """Two hosts, known to each other by loopback addresses nobody else has now."""

    def __init__(self, folder: Path, distribution: str) -> None:
        net = f"127.{random.randrange(1, 255)}.{random.randrange(255)}"
        self.names = (f"{net}.1", f"{net}.2")
        self.jobs = [Job(folder / name) for name in self.names]
        self.running: list[subprocess.Popen[bytes]] = []
        channel = {"ContentType": "text/csv", "S3DistributionType": distribution}
        for name, job in zip(self.names, self.jobs, strict=True):
            job.env(CONTAINER_TOOLKIT_ALGORITHM="xgboost", OMP_NUM_THREADS="1")
            job.config("resourceconfig", {"current_host": name, "hosts": list(self.names)})
            job.config("inputdataconfig", {"train": channel, "validation": channel})
            job.channel("train").channel("validation", **{"part-0": rows(50, seed=99)})
            job.config("checkpointconfig", {"LocalPath": str(job.base / "checkpoints")})
            self.set(**SETTINGS)

    def set(self, **hyperparameters: object) -> None:
        for job in self.jobs:
            job.hyperparameters(**{name: str(value) for name, value in hyperparameters.items()})

    def start(self) -> None:
        self.running = [job.start() for job in self.jobs]

    def end(self) -> list[Ended]:
        both = [process.communicate(timeout=HANG) for process in self.running]
        return [
            Ended(job, process.returncode, *said)
            for job, process, said in zip(self.jobs, self.running, both, strict=True)
        ]

    def run(self) -> list[Ended]:
        self.start()
        return self.end()

    def clean(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def model(self) -> bytes:
        """Which only the leader leaves."""
        assert not list((self.jobs[1].base / "model").iterdir())
        return (self.jobs[0].base / "model/xgboost-model").read_bytes()


def rows(count: int, seed: int = 0) -> str:
    numbers = np.random.default_rng(seed)
    features = numbers.standard_normal((count, 4)).round(3)
    labels = (features[:, 0] + features[:, 1] > 0).astype(int)
    return "".join(
        ",".join(map(str, (label, *row))) + "\n"
        for label, row in zip(labels, features, strict=True)
    )


def rows_read(ended: Ended, channel: str) -> int:
    """What a host says it has of a channel."""
    said = ended.stdout + ended.stderr
    found = re.findall(rf"^{channel}: (?:(\d+) rows|no rows here)", said, re.MULTILINE)
    assert len(found) == 1, ended
    return int(found[0] or 0)


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path, "FullyReplicated")
    yield made
    made.clean()


@pytest.fixture
def sharded(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path, "ShardedByS3Key")
    yield made
    made.clean()


def test_every_file_is_read_by_one_host(replicated: Hosts) -> None:
    sizes = (100, 210, 330, 470, 590)  # whose sums tell which
    for job in replicated.jobs:
        job.channel("train", **{f"part-{n}": rows(size, seed=n) for n, size in enumerate(sizes)})
    ended = replicated.run()
    assert [one.returncode for one in ended] == [0, 0], ended
    assert [rows_read(one, "train") for one in ended] == [100 + 330 + 590, 210 + 470]
    assert "1700 rows of train" in ended[0].stdout
    assert replicated.model()


@pytest.mark.parametrize("empty", [0, 1])
def test_a_host_without_data_takes_part(sharded: Hosts, empty: int) -> None:
    """The leader leaves the model even where it is the one without."""
    sharded.jobs[1 - empty].channel("train", **{"part-0": rows(500)})
    for file in (sharded.jobs[empty].base / "input/data/validation").iterdir():
        file.unlink()
    ended = sharded.run()
    assert [one.returncode for one in ended] == [0, 0], ended
    assert rows_read(ended[1 - empty], "train") == 500
    assert rows_read(ended[empty], "train") == 0
    assert sharded.model()
    lines = re.findall(r"\[(\d+)\]\ttrain-logloss:(\S+)\tvalidation-logloss:", ended[0].stdout)
    assert [int(number) for number, _ in lines] == list(range(12))
    assert float(lines[-1][1]) < 0.5 * float(lines[0][1])


@pytest.mark.parametrize("victim", [0, 1])
def test_killed_and_started_again_the_model_is_the_same(tmp_path: Path, victim: int) -> None:
    models = []
    for kill in (False, True):
        hosts = Hosts(tmp_path / str(kill), "ShardedByS3Key")
        hosts.set(**SETTINGS | {"num_round": 150, "early_stopping_rounds": 150})
        for rank, job in enumerate(hosts.jobs):
            job.channel("train", **{"part-0": rows(4000, seed=rank)})
        try:
            if kill:
                hosts.start()
                survivor = kill_after_round(hosts, victim, 10)
                sentence = f"PlatformError: host {hosts.names[victim]} was lost"
                assert survivor.returncode == 3, survivor
                assert (survivor.failure or "").startswith(sentence), survivor
            ended = hosts.run()
            assert [one.returncode for one in ended] == [0, 0], ended
            assert ("resumed after round" in ended[0].stdout) == kill
            models.append(hosts.model())
        finally:
            hosts.clean()
    assert models[0] == models[1]


def kill_after_round(hosts: Hosts, victim: int, number: int) -> Ended:
    """SIGKILL for all processes of a host; how the other ended."""
    checkpoints = hosts.jobs[0].base / "checkpoints"
    deadline = time.monotonic() + HANG
    while not any(
        int(path.name.rpartition(".")[2]) >= number
        for path in checkpoints.glob("xgboost-checkpoint.*[0-9]")
    ):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    runtime = hosts.running[victim]
    children = f"/proc/{runtime.pid}/task/{runtime.pid}/children"
    with open(children) as file:
        programs = [int(pid) for pid in file.read().split()]
    for pid in (runtime.pid, *programs):
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pid)], check=False)
    return hosts.end()[1 - victim]


def test_a_host_that_cant_read_its_data_ends_the_others_too(sharded: Hosts) -> None:
    sharded.jobs[0].channel("train", **{"part-0": rows(50)})
    sharded.jobs[1].channel("train", **{"part-1": rows(50) + "1,2,oops,3,4\n"})
    leader, other = sharded.run()
    assert (leader.returncode, other.returncode) == (3, 1), (leader, other)
    assert str(other.failure).startswith("UserError: ")
    assert "part-1, row 51, column 3" in str(other.failure)
    assert str(leader.failure).startswith("PlatformError: host " + sharded.names[1])
    assert "part-1, row 51, column 3" in str(leader.failure)
