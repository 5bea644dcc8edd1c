"""MPI on hosts that are containers: ranks that know their host, and a job that fails as one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.containers.engines import ROOT
from tests.containers.hosts import WATCHED, Hosts
from tests.containers.launchers import ONE_THREAD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engines import Engine

ROWS = 1347  # of the training channel, on every host alike

RANK = r"^\[1,(\d+)\]<stdout>:rank=\1 of (\d+) host=(\S+) rows=(\d+)$"
WEIGHTS = r"^\[1,(\d+)\]<stdout>:rank=\1 weights=(\w+)$"
ACCURACY = r"^\[1,0\]<stdout>:accuracy=([\d.]+)$"

# Every rank waits for a stop, which each answers; one of them does what the job asks it to.
WAITS = """
import argparse, os, signal, sys, time
from mpi4py import MPI

parser = argparse.ArgumentParser()
parser.add_argument("--does")
parser.add_argument("--rank", type=int, default=-1)
args, _ = parser.parse_known_args()
world = MPI.COMM_WORLD
me, host = world.Get_rank(), os.environ["SM_CURRENT_HOST"]

def told(number, _frame):
    print("told", number, "rank", me, "on", host, flush=True)
    world.Barrier()
    sys.exit(0)

signal.signal(signal.SIGTERM, told)
world.Barrier()
print("ready", me, flush=True)
if me == args.rank:
    if args.does == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if args.does == "raise":
        raise ValueError("the data is spoiled")
    if args.does == "exit":
        sys.exit(7)
    if args.does == "kill mpirun's":
        os.kill(os.getppid(), signal.SIGKILL)
while True:
    time.sleep(0.05)
"""

# A line comes in as many pieces as print has words; two ranks print at once.
IN_PIECES = """
from mpi4py import MPI
rank = MPI.COMM_WORLD.Get_rank()
MPI.COMM_WORLD.Barrier()
for number in range(200):
    print("loss =", number, "of rank", rank)
print("no end of line", end="")
"""


SLOW = pytest.mark.slow


def job(
    engine: Engine,
    image: str,
    folder: Path,
    count: int = 2,
    *,
    program: str = "",
    options: tuple[str, ...] = (),
    command: tuple[str, ...] = ("train",),
    **hyperparameters: object,
) -> Hosts:
    if program:
        hyperparameters["sagemaker_program"] = "program.py"
    ml = ROOT / "images/mpi/ml"
    return Hosts(engine, image, ml, folder, count, hyperparameters, options, command, program)


def until_all_wait(hosts: Hosts) -> None:
    for rank in range(2 * hosts.count):
        hosts[1].wait_for(f":ready {rank}")


@pytest.mark.parametrize(
    ("count", "processes", "options"),
    [
        (2, 2, ()),
        (2, 2, ("--user", "1000", "--cap-drop", "ALL")),
        pytest.param(3, 1, ONE_THREAD, marks=SLOW),
    ],
)
def test_ranks_learn_together_and_know_their_host(
    engine: Engine,
    mpi: str,
    tmp_path: Path,
    count: int,
    processes: int,
    options: tuple[str, ...],
) -> None:
    with job(
        engine,
        mpi,
        tmp_path,
        count,
        options=options,
        sagemaker_mpi_num_of_processes_per_host=processes,
    ) as hosts:
        assert hosts.start().wait() == [0] * count, [host.log for host in hosts.hosts.values()]
        assert not any(host.failure for host in hosts.hosts.values())
        log = hosts[1].log
    ranks = count * processes
    found = re.findall(RANK, log, re.MULTILINE)
    assert {(int(rank), host) for rank, _, host, _ in found} == {
        (rank, f"algo-{1 + rank // processes}") for rank in range(ranks)
    }
    assert {int(size) for _, size, _, _ in found} == {ranks}
    rows = [int(rows) for *_, rows in found]
    assert sum(rows) == ROWS
    assert max(rows) - min(rows) <= 1, "each its own share"
    weights = dict(re.findall(WEIGHTS, log, re.MULTILINE))
    assert len(weights) == ranks
    assert len(set(weights.values())) == 1, "the ranks talked"
    (accuracy,) = re.findall(ACCURACY, log, re.MULTILINE)
    assert float(accuracy) == pytest.approx(0.9667, abs=0.003)


@pytest.mark.slow
def test_one_host_needs_no_ssh(engine: Engine, mpi: str, tmp_path: Path) -> None:
    without = "RUN rm -f /usr/bin/ssh /usr/bin/ssh-keygen /usr/sbin/sshd"
    image = engine.build_from("mpi-alone", f"FROM {mpi}\n{without}\n")
    for processes in (1, 2):
        with job(
            engine,
            image,
            tmp_path / str(processes),
            1,
            sagemaker_mpi_num_of_processes_per_host=processes,
        ) as hosts:
            assert hosts.start().wait() == [0], hosts[1].log
            tag = r"^\[1,0\]<stdout>:" if processes > 1 else "^"
            (accuracy,) = re.findall(rf"{tag}accuracy=([\d.]+)$", hosts[1].log, re.MULTILINE)
            assert float(accuracy) == pytest.approx(0.9667, abs=0.003)


@pytest.mark.slow
def test_lines_stay_whole(engine: Engine, mpi: str, tmp_path: Path) -> None:
    with job(engine, mpi, tmp_path, program=IN_PIECES) as hosts:
        assert hosts.start().wait() == [0, 0], hosts[1].log
        said = [line for line in hosts[1].log.splitlines() if line.startswith("[1,")]
    expected = {
        f"[1,{rank}]<stdout>:loss = {number} of rank {rank}"
        for rank in range(4)
        for number in range(200)
    }
    assert set(said) == expected | {f"[1,{rank}]<stdout>:no end of line" for rank in range(4)}
    assert len(said) == 4 * 201


@pytest.mark.parametrize(
    ("does", "rank", "status", "reason"),
    [
        ("kill", 3, 137, "rank 3 on algo-2 was killed by SIGKILL"),
        pytest.param("raise", 0, 1, "ValueError: the data is spoiled (", marks=SLOW),
        pytest.param("raise", 3, 1, "ValueError: the data is spoiled (", marks=SLOW),
        pytest.param("exit", 3, 7, "rank 3 ended all ranks with exit code 7", marks=SLOW),
        pytest.param("kill mpirun's", 3, 3, "host algo-2 was lost", marks=SLOW),
    ],
)
def test_a_rank_that_fails_ends_all_and_each_host_says_why(
    engine: Engine, mpi: str, tmp_path: Path, does: str, rank: int, status: int, reason: str
) -> None:
    with job(engine, mpi, tmp_path, program=WAITS, command=WATCHED, does=does, rank=rank) as hosts:
        assert hosts.start().wait() == [status, 3], [h.log for h in hosts.hosts.values()]
        assert reason in hosts[1].failure.splitlines()[0]
        first = hosts[2].failure.splitlines()[0]
        assert "host algo-1 failed: " in first
        assert reason in first
        for host in hosts.hosts.values():
            assert host.left_behind == 0


@pytest.mark.parametrize(
    "stopped",
    [
        (1, 2),
        pytest.param((1,), marks=SLOW),
        pytest.param((2,), marks=SLOW),
    ],
)
def test_a_stop_reaches_every_rank_once(
    engine: Engine, mpi: str, tmp_path: Path, stopped: tuple[int, ...]
) -> None:
    """Also where one host alone is stopped: the ranks wait for each other in their handlers."""
    with job(engine, mpi, tmp_path, program=WAITS, command=WATCHED) as hosts:
        until_all_wait(hosts.start())
        for number in stopped:
            hosts[number].container.signal("TERM")
        for number, host in hosts.hosts.items():
            status = host.wait()
            assert host.left_behind == 0
            if number in stopped:
                assert status == 143, host.log
                assert host.failure.startswith("Stopped by SIGTERM")
            else:  # from its ranks it learns that they were stopped, from the host that it failed
                assert status in (143, 3), host.log
                assert re.search(r"host algo-\d.*SIGTERM", host.failure.splitlines()[0])
        told = [line.partition(":told ")[2] for line in hosts[1].said(":told ")]
    assert sorted(told) == [f"15 rank {rank} on algo-{1 + rank // 2}" for rank in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "other"), [(2, 1), (1, 2)])
def test_a_host_that_vanishes_ends_the_other(
    engine: Engine, mpi: str, tmp_path: Path, killed: int, other: int
) -> None:
    with job(engine, mpi, tmp_path, program=WAITS, command=WATCHED) as hosts:
        until_all_wait(hosts.start())
        hosts[killed].container.signal("KILL")
        assert hosts[other].wait() == 3, hosts[other].log
        assert hosts[other].left_behind == 0
        assert f"host algo-{killed} was lost" in hosts[other].failure.splitlines()[0]


@pytest.mark.slow
def test_a_host_that_never_comes_is_named(engine: Engine, mpi: str, tmp_path: Path) -> None:
    options = ("-e", "CONTAINER_TOOLKIT_PEER_TIMEOUT=3")
    with job(engine, mpi, tmp_path, 3, options=options) as hosts:
        assert hosts.start(1, 3).wait() == [3, 3]
        assert all("algo-2" in host.failure.splitlines()[0] for host in hosts.hosts.values())


@pytest.mark.slow
def test_an_image_without_ssh_says_so(engine: Engine, mpi: str, tmp_path: Path) -> None:
    image = engine.build_from("mpi-no-sshd", f"FROM {mpi}\nRUN rm /usr/sbin/sshd\n")
    with job(engine, image, tmp_path) as hosts:
        assert hosts.start().wait() == [3, 1], [host.log for host in hosts.hosts.values()]
        assert "sshd is not in the image" in hosts[2].failure
        assert "host algo-2 failed" in hosts[1].failure
